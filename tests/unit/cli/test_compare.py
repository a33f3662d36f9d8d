"""``firstlight compare`` on bundles that hold nothing but a manifest."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from firstlight.bundle import Manifest
from firstlight.cli.run import run
from firstlight.domain import Schema
from firstlight.store import BundleRecord, open_store
from firstlight.training.results import SliceResult

LEVELS = {"20260101-aa": 0.3, "20260102-bb": 0.3, "20260102-bc": 0.2}


def results(level, *, users=100):
    noise = np.random.default_rng(0).normal(0, 0.05, users)

    def one(name, size, value):
        return SliceResult(name, np.arange(size, dtype=np.uint64), {"fusion": value + noise[:size]}, {})

    return [one("new-user k=0", users, 0.3), one("new-user k=5", users, level), one("new-item", 20, level)]


@pytest.fixture
def home(tmp_path, monkeypatch, capsys):
    """Three bundles, the last one worse at k = 5; the first is active."""
    home = tmp_path / "home"
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(home))
    assert run(["init"]) == 0
    store = open_store(f"sqlite:///{home / 'firstlight.db'}")
    for n, (bundle_id, level) in enumerate(LEVELS.items()):
        manifest = Manifest(
            bundle_id=bundle_id,
            catalog_id="default",
            firstlight="0.1.0",
            created_at="2026-01-01T00:00:00Z",
            dataset_token=0,
            schema=Schema(),
            components={},
            ranker="fusion",
            items=0,
            evaluation={"slices": [result.to_json() for result in results(level)]},
        )
        directory = home / "bundles" / "default" / bundle_id
        directory.mkdir(parents=True)
        (directory / "manifest.json").write_text(manifest.to_json(), "utf-8")
        made = datetime(2026, 1, 1 + n, tzinfo=UTC)
        store.register_bundle(BundleRecord("default", bundle_id, f"default/{bundle_id}", made, "small", n, 0, Schema()))
    store.activate_bundle("default", "20260101-aa")
    store.close()
    capsys.readouterr()
    return home


def test_a_worse_slice_is_named_and_is_no_failure(home, capsys):
    assert run(["compare", "active", "20260102-bc"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = next(line.split() for line in lines if line.startswith("new-user k=5"))
    assert row[-1] == "worse"
    assert "-0.1000" in row
    assert "Not compared, fewer than 30 users in both: new-item" in lines
    assert lines[-1] == "20260102-bc is worse than 20260101-aa in 1 of 2 slices: new-user k=5"


def test_the_other_way_round_it_is_better(home, capsys):
    assert run(["compare", "20260102-bc", "20260101"]) == 0
    out = capsys.readouterr().out
    assert "better" in out
    assert "20260101-aa is not worse than 20260102-bc anywhere: 2 slices compared" in out


def test_json_has_every_number_and_the_verdict(home, capsys):
    assert run(["compare", "20260101", "20260102-bc", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["bundle_a"], found["bundle_b"]) == ("20260101-aa", "20260102-bc")
    assert found["not_compared"] == ["new-item"]
    by_slice = {each["slice_name"]: each for each in found["slices"]}
    assert by_slice["new-user k=0"]["verdict"] == "no difference shown"
    worse = by_slice["new-user k=5"]
    assert worse["users"] == 100
    assert worse["high"] < 0
    assert worse["difference"] == pytest.approx(-0.1)
    assert worse["new"] - worse["old"] == pytest.approx(worse["difference"])


def test_an_unknown_or_ambiguous_bundle_is_one_line(home, capsys):
    assert run(["compare", "active", "2025"]) == 1
    assert "no bundle '2025'" in capsys.readouterr().err
    assert run(["compare", "20260102", "active"]) == 1
    assert "2 bundles begin with '20260102'" in capsys.readouterr().err
    assert run(["compare", "active", "active", "--catalog", "other"]) == 1
    assert "catalogue 'other' has no active bundle" in capsys.readouterr().err


def test_a_bundle_whose_files_are_gone_is_one_line(home, capsys):
    (home / "bundles" / "default" / "20260102-bb" / "manifest.json").unlink()
    assert run(["compare", "active", "20260102-bb"]) == 1
    assert "20260102-bb: manifest.json is missing" in capsys.readouterr().err


def test_nothing_in_common_is_said(home, capsys):
    path = home / "bundles" / "default" / "20260102-bb" / "manifest.json"
    body = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**body, "evaluation": {}}), "utf-8")
    assert run(["compare", "active", "20260102-bb"]) == 0
    assert "cannot be compared: no slice has 30 users in both" in capsys.readouterr().out
