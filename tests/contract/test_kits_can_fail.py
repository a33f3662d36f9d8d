"""A check that cannot fail proves nothing: each check of each kit is failed by a component with that fault."""

from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.testing import CONTRACTS

BROKEN = sorted((Path(__file__).parent / "broken").glob("broken_*.py"))


class Recorder:
    """A pytest plugin that runs sound components whole, faulty ones for the check they break, and keeps outcomes."""

    def __init__(self) -> None:
        self.failed: dict[str, Callable] = {}
        self.passed: list[str] = []
        self.errors: list[str] = []
        self.sound: set[type] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = [i for i in items if i.originalname == getattr(i.cls, "breaks", i.originalname)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        name, faulty = f"{item.path.stem}::{item.cls.__name__}", hasattr(item.cls, "breaks")
        if not faulty:
            self.sound.update(item.cls.__mro__)
        if report.failed and (report.when != "call" or not faulty):
            self.errors.append(f"{name}::{item.originalname}: {report.longreprtext}")
        elif report.failed:
            self.failed[name] = getattr(item.cls, item.originalname)
        elif faulty and report.when == "call":
            self.passed.append(name)
        return report


@pytest.fixture(scope="module")
def recorder(tmp_path_factory) -> Recorder:
    found = Recorder()
    options = ["-qq", "-c", "/dev/null", f"--rootdir={BROKEN[0].parent}", "--import-mode=importlib", "-W", "ignore"]
    switches = ["-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--no-summary", "--tb=native"]
    switches.append(f"--basetemp={tmp_path_factory.mktemp('broken')}")
    pytest.main([*options, *switches, *map(str, BROKEN)], plugins=[found])
    return found


def test_sound_components_pass(recorder):
    assert not recorder.errors
    assert set(CONTRACTS.values()) <= recorder.sound


def test_every_fault_is_found(recorder):
    assert len(recorder.failed) > 100
    # A check with parameters finds a fault if one of its cases does.
    assert not set(recorder.passed) - set(recorder.failed)


@pytest.mark.parametrize("role", CONTRACTS)
def test_every_check_finds_a_fault(recorder, role):
    kit = CONTRACTS[role]
    checks = {getattr(kit, name) for name in dir(kit) if name.startswith("test_")}
    assert not {check.__qualname__ for check in checks - set(recorder.failed.values())}
