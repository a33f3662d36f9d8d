"""`firstlight plugins new` for every role: installed with pip, tested by its own tests, and seen at work."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from firstlight.cli.new_plugin import write_plugin
from firstlight.cli.plugins import RoleName
from firstlight.client import Client
from firstlight.errors import InvalidInputError
from firstlight.roles import ROLES
from firstlight.testing import tiny_dataset
from firstlight.v1.plugin_service_pb2 import PluginState

pytestmark = pytest.mark.xdist_group("new-plugins")

ENGINE = Path(__file__).parents[2] / "engine"
SETTINGS = """
format = 1
ranker = "try-ranker"
disable_plugins = ["sequence", "factors"]

[serve]
drain_delay_s = 0.0

[plugins.try-candidate-filter]
hide_every = 7

[plugins.try-reranker]
every = 5
places = 100
"""


def name_of(role: str) -> str:
    return f"try-{role.replace('_', '-')}"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A distribution of each role."""
    directory = tmp_path_factory.mktemp("written")
    return {role: write_plugin(name_of(role), role, directory) for role in ROLES}


@pytest.fixture(scope="module")
def site(written, tmp_path_factory):
    """A folder with all of them installed, for PYTHONPATH."""
    target = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    sources = [shutil.copytree(folder, tmp_path_factory.mktemp("build") / folder.name) for folder in written.values()]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *map(str, sources)], check=True)
    return target


def environment(site, **more) -> dict[str, str]:
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "FIRSTLIGHT_ISOLATION__LONGEST_CALL_S": "20", **more}


def firstlight(site, *words, **more) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "firstlight.cli", *map(str, words)],
        env=environment(site, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def own_tests(written, site, tmp_path_factory) -> dict[str, list[str]]:
    """Outcomes of each distribution's tests, by its test module; all in one run, as every run imports the engine."""
    report = tmp_path_factory.mktemp("report") / "junit.xml"
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "-W", "error", f"--junitxml={report}"]
    folders = [str(folder / "tests") for folder in written.values()]
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={folders[0]}", *folders]
    done = subprocess.run(command, env=environment(site), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    outcomes: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        module = next(part for part in case.attrib["classname"].split(".") if part.startswith("test_"))
        outcomes.setdefault(module, []).append(next((child.tag for child in case), "passed"))
    return outcomes


@pytest.mark.parametrize("role", ROLES)
def test_its_own_tests_pass(own_tests, role):
    outcomes = own_tests[f"test_{name_of(role).replace('-', '_')}"]
    assert set(outcomes) <= {"passed", "skipped"}
    assert outcomes.count("passed") > 4


def test_they_are_typed_against_the_published_package(written, tmp_path):
    """All in one run of mypy --strict, with firstlight found as an installed package with its py.typed."""
    site = tmp_path / "site"
    shutil.copytree(ENGINE / "firstlight", site / "firstlight", ignore=shutil.ignore_patterns("__pycache__"))
    assert (site / "firstlight/py.typed").exists()
    packages = [next(folder.glob("*/py.typed")).parent for folder in written.values()]
    settings = tmp_path / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\n[mypy-firstlight.*]\nfollow_imports = silent\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings), "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*command, *map(str, packages)],
        env={**os.environ, "MYPYPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def home(site, tmp_path_factory):
    """The tiny catalogue, imported by the new reader and trained with everything new."""
    home = tmp_path_factory.mktemp("home") / "home"
    files = tmp_path_factory.mktemp("files")
    dataset = tiny_dataset()
    h = dataset.histories
    (files / "interactions.kv").write_text(
        "\n".join(
            f"user_id={dataset.user_ids[u]} item_id={dataset.item_ids[i]} value={v} time={t // 1_000_000}"
            for u, i, v, t in zip(h.rows, h.items, h.values, h.times, strict=True)
        )
    )
    (files / "items.jsonl").write_text(
        "\n".join(
            json.dumps({"item_id": i, "genres": list(a["genres"]), "title": a["title"]})
            for i, a in zip(dataset.item_ids, dataset.item_attributes, strict=True)
        )
    )
    (files / "users.jsonl").write_text(
        "\n".join(
            json.dumps({"user_id": u, "taste": a["taste"]})
            for u, a in zip(dataset.user_ids, dataset.user_attributes, strict=True)
        )
    )
    firstlight(site, "init", "--home", home)
    (home / "firstlight.toml").write_text(SETTINGS)
    tables = [f"--{name}={files / file}" for name, file in TABLES.items()]
    firstlight(site, "import", *tables, "--home", home)
    firstlight(site, "train", "--home", home)
    return home


TABLES = {"interactions": "interactions.kv", "items": "items.jsonl", "users": "users.jsonl"}


class Running:
    """A server with everything new."""

    def __init__(self, site, home, **more):
        command = [sys.executable, "-m", "firstlight.cli", "serve", "--port", "0", "--home", str(home)]
        self._process = subprocess.Popen(command, env=environment(site, **more), stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        line = next(line for line in self._process.stdout if "Serving on " in line)
        self._client = Client.connect(line.split()[-1], timeout_s=20)
        return self._client

    def __exit__(self, *_):
        self._client.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=30)
        assert self._process.returncode == 0


def shown(client, **query) -> list[str]:
    answer = client.recommend(profile={"taste": "loud"}, history={"item-01": 5.0}, **query)
    assert not [each for each in answer.degraded if each.component], answer.degraded
    return [item.item_id for item in answer.items]


def position(item_id: str) -> int:
    return int(item_id.removeprefix("item-"))


def test_a_server_answers_with_all_of_them(site, home):
    with Running(site, home) as client:
        items = shown(client, limit=20)
        assert len(items) == 19  # 24 less the history's and the four that the filter hides
        assert not [item for item in items if position(item) % 7 == 0]
        fifths = [position(item) % 5 == 0 for item in items]
        assert fifths == sorted(fifths, reverse=True)
        assert any(fifths)
        plugins = {plugin.name: plugin for plugin in client.list_plugins()}
        for role in ROLES:
            assert plugins[name_of(role)].state == PluginState.PLUGIN_STATE_LOADED
            assert plugins[name_of(role)].version == "0.1.0"
            assert [component.fault_count for component in plugins[name_of(role)].components] == [0]
        history = [[], ["item-01"], ["item-02", "item-04"]]
        profiles = [{"taste": "loud"}, {"taste": "calm"}, {}]
        answers = [client.recommend(profile=p, history=h, limit=20) for p in profiles for h in history]
        sources = {item.source for answer in answers for item in answer.items}
        assert {name_of("candidate_generator"), name_of("cold_start_strategy")} <= sources


def test_without_the_rules_the_order_is_another(site, home):
    with Running(site, home, FIRSTLIGHT_DISABLE_PLUGINS="try-reranker,try-candidate-filter,sequence,factors") as client:
        items = shown(client, limit=20)
        assert len(items) == 20
        assert [item for item in items if position(item) % 7 == 0]


def test_removed_from_the_machine_the_bundle_is_served_and_says_so(home):
    with Running("", home) as client:
        answer = client.recommend(profile={"taste": "loud"}, limit=5)
        assert len(answer.items) == 5
        gone = {each.component for each in answer.degraded}
        assert {name_of(role) for role in ("candidate_generator", "cold_start_strategy", "ranker")} <= gone
        assert name_of("feature_encoder") in gone


def test_the_encoder_adds_columns(home):
    [encoders] = home.glob("bundles/*/*/encoders")
    assert name_of("feature_encoder") in "".join(path.read_text() for path in encoders.rglob("*.json"))


def test_the_metric_is_reported(site, home):
    text = firstlight(site, "evaluate", "--protocol", "warm", "--json", "--home", home)
    assert name_of("metric") in text


def test_the_command_runs(site, home):
    assert firstlight(site, "try-cli-command", "Ada") == "Hello, Ada!\n"
    assert "try-cli-command" in firstlight(site, "--help")


def test_the_command_offers_every_role():
    assert [role.value for role in RoleName] == list(ROLES)


@pytest.mark.parametrize("name", ["Upper", "two words", "-dash", "x" * 65, "json", "firstlight", ""])
def test_a_name_that_cannot_be_used_writes_nothing(tmp_path, name):
    with pytest.raises(InvalidInputError):
        write_plugin(name, "reranker", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InvalidInputError, match="exists"):
        write_plugin("mine", "reranker", tmp_path)
    assert list((tmp_path / "mine").iterdir()) == []
