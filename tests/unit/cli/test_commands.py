"""Commands from argument to exit code, on a small shop without the long steps."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import firstlight.evaluation
import firstlight.training
from firstlight.bundle.manifest import MANIFEST, SEAL, Manifest
from firstlight.bundle.verifying import sha256
from firstlight.cli.output import console, progress_bars
from firstlight.cli.quality import show_quality
from firstlight.cli.run import run
from firstlight.domain import Schema
from firstlight.store import BundleRecord, open_store
from firstlight.training.gate import Gate
from firstlight.training.run import TrainResult


@pytest.fixture
def home(tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    monkeypatch.setenv("FIRSTLIGHT_HOME", str(home))
    assert run(["init"]) == 0
    capsys.readouterr()
    return home


@pytest.fixture
def bundles(home):
    """Three registered bundles, the second active after the first."""
    store = open_store(f"sqlite:///{home / 'firstlight.db'}")
    for n, bundle_id in enumerate(("20260101-aa", "20260102-bb", "20260102-bc")):
        made = datetime(2026, 1, 1 + n, tzinfo=UTC)
        record = BundleRecord("default", bundle_id, str(home / "bundles" / bundle_id), made, "small", n, 0, Schema())
        store.register_bundle(record)
    store.activate_bundle("default", "20260101-aa")
    store.activate_bundle("default", "20260102-bb")
    yield store
    store.close()


def test_init_twice_keeps_the_settings(home, capsys):
    (home / "firstlight.toml").write_text((home / "firstlight.toml").read_text() + "\n# mine\n")
    assert run(["init", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"home": str(home), "catalog": "default"}
    assert "# mine" in (home / "firstlight.toml").read_text()


@pytest.mark.parametrize("url", ["nonsense", "postgresql+psycopg://me@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_used_does_not_become_the_setting(home, capsys, url):
    before = (home / "firstlight.toml").read_bytes()
    assert run(["init", "--database-url", url]) in (1, 2)
    assert "database" in capsys.readouterr().err
    assert (home / "firstlight.toml").read_bytes() == before


def test_import_as_json_counts_what_it_did(home, tmp_path, capsys):
    (tmp_path / "clicks.csv").write_text("user_id,item_id\na,x\nb,x\n,x\n")
    assert run(["import", "--interactions", str(tmp_path / "clicks.csv"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["interactions_written"], report["rejected"]) == (2, 1)


def test_strict_import_refuses_a_bad_row(home, tmp_path, capsys):
    (tmp_path / "clicks.csv").write_text("user_id,item_id\na,x\n,x\n")
    assert run(["import", "--interactions", str(tmp_path / "clicks.csv"), "--strict"]) == 2
    assert "clicks.csv" in capsys.readouterr().err


def test_bundles_are_listed_newest_first_with_the_active_one_marked(bundles, capsys):
    assert run(["bundles", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(b["bundle_id"], b["active"]) for b in listed] == [
        ("20260102-bc", False),
        ("20260102-bb", True),
        ("20260101-aa", False),
    ]


def test_the_beginning_of_an_id_is_enough_where_it_is_unique(bundles, capsys):
    assert run(["bundles", "show", "20260101"]) == 0
    assert "20260101-aa" in capsys.readouterr().out
    assert run(["bundles", "show", "20260102"]) == 1
    assert "2 bundles begin with '20260102'" in capsys.readouterr().err


def test_rollback_goes_back_until_there_is_nothing_before(bundles, capsys):
    assert run(["bundles", "rollback"]) == 0
    assert bundles.active_bundle("default").bundle_id == "20260101-aa"
    assert run(["bundles", "rollback"]) == 1
    assert "no previous bundle" in capsys.readouterr().err


def test_a_bundle_whose_files_are_gone_is_not_activated(bundles, capsys):
    assert run(["bundles", "activate", "20260101"]) == 1
    assert capsys.readouterr().err.startswith("error: bundle 20260101-aa")
    assert bundles.active_bundle("default").bundle_id == "20260102-bb"


@pytest.mark.parametrize(("activated", "code"), [(True, 0), (False, 3)])
def test_a_bundle_that_the_gate_refuses_is_exit_code_3_and_why(home, monkeypatch, capsys, activated, code):
    asked = []

    def train(store, settings, plugins, catalog_id, options, *, progress):
        asked.append(options)
        gate = Gate("passed" if activated else "refused", "worse for new users")
        return TrainResult("b1", Path("somewhere"), activated, gate, {}, 1.0)

    monkeypatch.setattr(firstlight.training, "train", train)
    assert run(["train", "--preset", "base", "--seed", "7", "--time-budget", "2"]) == code
    assert (asked[0].preset, asked[0].seed, asked[0].time_budget_s, asked[0].device) == ("base", 7, 120.0, "auto")
    error = capsys.readouterr().err
    assert ("error: not activated: worse for new users" in error) is not activated


def test_an_empty_catalogue_cannot_be_trained(home, capsys):
    assert run(["train"]) == 1
    assert "error: " in capsys.readouterr().err


def test_a_report_that_cannot_be_written_costs_no_training(home, tmp_path, monkeypatch, capsys):
    (tmp_path / "clicks.csv").write_text("user_id,item_id\na,x\nb,x\n")
    assert run(["import", "--interactions", str(tmp_path / "clicks.csv")]) == 0
    monkeypatch.setattr(firstlight.evaluation, "evaluate", None)
    assert run(["evaluate", "--out", str(tmp_path / "clicks.csv")]) == 1
    assert "clicks.csv" in capsys.readouterr().err.splitlines()[-1]


def test_plugins_are_listed_without_a_home(tmp_path, capsys):
    assert run(["plugins", "list", "--home", str(tmp_path / "none"), "--json"]) == 0
    found = {info["name"]: info for info in json.loads(capsys.readouterr().out)}
    assert found["popularity"]["components"] == ["popularity"]
    assert found["popularity"]["error"] == ""


def test_a_batch_job_without_a_bundle_says_what_to_do(home, tmp_path, capsys):
    (tmp_path / "q.jsonl").write_text('{"query_id": "q"}\n')
    arguments = ["recommend", "--queries", str(tmp_path / "q.jsonl"), "--out", str(tmp_path / "out.jsonl")]
    assert run(arguments) == 1
    assert "run `firstlight train`" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()


def test_answers_need_a_place(home, tmp_path, capsys):
    for out in (tmp_path, tmp_path / "none" / "out.jsonl"):
        assert run(["recommend", "--queries", "q.jsonl", "--out", str(out)]) == 2
        assert f"--out {out} is a directory or lies in none" in capsys.readouterr().err


def test_the_server_of_the_home_is_asked_and_any_limit_can_be_sent(home, monkeypatch, capsys):
    monkeypatch.setenv("FIRSTLIGHT_SERVE__PORT", "1")
    assert run(["recommend", "--limit", "99999999999"]) == 1
    assert "cannot reach 127.0.0.1:1" in capsys.readouterr().err


def test_nobody_listening_is_one_line(capsys):
    assert run(["recommend", "--address", "127.0.0.1:1"]) == 1
    assert "cannot reach 127.0.0.1:1" in capsys.readouterr().err


def test_progress_without_a_terminal_is_a_line_a_stage(capsys):
    with progress_bars() as progress:
        for stage, share in (("read", 0.0), ("fit", 0.1), ("fit", 0.9), ("write", 1.0)):
            progress(stage, share)
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()] == ["read", "fit", "write"]


def test_quality_has_a_table_a_slice_and_a_column_an_amount_of_evidence(capsys):
    def row(slice_name, shown, strategy, ndcg):
        return {
            "slice_name": slice_name,
            "shown": shown,
            "strategy": strategy,
            "users": 9,
            "ndcg": ndcg,
            "recall": ndcg / 2,
        }

    show_quality(
        console(),
        [
            row("new-user", 0, "fusion", 0.4),
            row("new-user", 5, "fusion", 0.5),
            row("new-user", 5, "neighbours", 0.3),
            row("warm", None, "fusion", 0.2),
        ],
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["fusion", "0.400", "/", "0.200", "0.500", "/", "0.250"] in lines
    assert ["neighbours", "–", "0.300", "/", "0.150"] in lines
    assert ["fusion", "0.200", "/", "0.100"] in lines


def test_a_refused_bundle_is_activated_by_force_only(capsys, home, bundles, monkeypatch):
    monkeypatch.setattr("firstlight.pipeline.checking.CheckHere.__call__", lambda *_, rehearsed: None)
    gate = {"decision": "refused", "reason": "worse for new users"}
    made = datetime(2026, 2, 1, tzinfo=UTC)
    bundles.register_bundle(BundleRecord("default", "20260201-cc", "x", made, "small", 9, 0, Schema(), gate=gate))
    assert run(["bundles", "activate", "20260201-cc"]) == 3
    assert "worse for new users" in capsys.readouterr().err
    assert bundles.active_bundle("default").bundle_id == "20260102-bb"
    assert run(["bundles", "activate", "20260201-cc", "--force"]) == 0
    assert bundles.active_bundle("default").bundle_id == "20260201-cc"


@pytest.fixture
def whole(home, bundles):
    """A registered bundle that can answer; its folder."""
    golden = Path(__file__).parents[2] / "golden" / "format-3"
    path = shutil.copytree(golden, home / "bundles" / "default" / "golden")
    made = datetime(2026, 2, 1, tzinfo=UTC)
    bundles.register_bundle(BundleRecord("default", "golden", "default/golden", made, "small", 9, 0, Schema()))
    return path


def test_a_bundle_is_rehearsed_before_it_is_activated(capsys, bundles, whole):
    assert run(["bundles", "activate", "golden"]) == 0
    assert bundles.active_bundle("default").bundle_id == "golden"


def test_a_bundle_whose_bytes_are_right_and_weights_are_not_is_not_activated(capsys, bundles, whole):
    file = whole / "components/popularity/items.npy"
    np.save(file, np.full_like(np.load(file), np.nan))
    text, old = (whole / MANIFEST).read_text("utf-8"), Manifest.read(whole).files["components/popularity/items.npy"]
    (whole / MANIFEST).write_text(text.replace(old.sha256, sha256(file)), "utf-8")
    (whole / SEAL).write_text(sha256(whole / MANIFEST) + "\n")
    assert run(["bundles", "verify", "golden"]) == 0
    assert run(["bundles", "activate", "golden"]) == 1
    assert "items.npy holds a number that is not finite" in " ".join(capsys.readouterr().err.split())
    assert bundles.active_bundle("default").bundle_id == "20260102-bb"


def test_a_bundle_is_shown_with_its_whole_path(capsys, home, bundles):
    made = datetime(2026, 2, 1, tzinfo=UTC)
    bundles.register_bundle(BundleRecord("default", "20260201-cc", "default/cc", made, "small", 9, 0, Schema()))
    assert run(["bundles", "show", "20260201-cc", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(home / "bundles" / "default" / "cc")
