"""Bundles of every format ever released still load, and answer what they answered then."""

import hashlib
import json
from bisect import bisect_left
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstlight.bundle import FORMAT, Manifest, verify_bundle
from firstlight.pipeline import DegradationReason, Engine
from firstlight.plugins import load_plugins

HERE = Path(__file__).parent
BUNDLES = sorted(path for path in HERE.glob("format-*") if path.is_dir())
MOST_BYTES = 200_000


def make() -> Any:
    """``make.py`` beside this file, as a module."""
    spec = spec_from_file_location("golden_make", HERE / "make.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_one_for_every_format():
    assert [path.name for path in BUNDLES] == [f"format-{n + 1}" for n in range(FORMAT)]


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_it_is_intact_small_and_without_code(path: Path):
    manifest = verify_bundle(path)
    assert sum(file.bytes for file in manifest.files.values()) < MOST_BYTES
    assert {Path(name).suffix for name in manifest.files} == {".json", ".npy"}


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_it_loads_and_answers_as_it_did(path: Path):
    engine = Engine.open(path, make().plugins())
    expected = json.loads(path.with_name(f"{path.name}.answers.json").read_text(encoding="utf-8"))
    answers = engine.recommend(make().queries())
    assert len(answers) == len(expected)
    for found, then in zip(answers, expected, strict=True):
        assert found.scenario.name == then["scenario"]
        assert found.route == then.get("route", "full")
        assert not [note for note in found.degraded if note.component]
        assert [i.item_id for i in found.items] == [item_id for item_id, _, _ in then["items"]]
        assert [i.score for i in found.items] == pytest.approx([score for _, score, _ in then["items"]], abs=1e-4)
        assert [i.source for i in found.items] == [source for _, _, source in then["items"]]


def test_format_2_answers_without_the_plugin_whose_columns_it_holds():
    engine = Engine.open(HERE / "format-2", load_plugins())
    for answer in engine.recommend(make().queries()):
        assert answer.items
        [note] = [note for note in answer.degraded if note.component]
        assert (note.component, note.reason) == ("decades", DegradationReason.COMPONENT_ABSENT)


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.name)
def test_the_manifest_comes_back_as_it_was(path: Path):
    text = (path / "manifest.json").read_text(encoding="utf-8")
    assert Manifest.read(path).to_json() == text


def test_format_1_can_be_read_by_its_description_alone():
    """``docs/bundle-format.md`` says how ids are found; this reader knows nothing else."""
    items = HERE / "format-1" / "items"
    text, offsets, hashes, order = (
        np.load(items / f"{name}.npy", allow_pickle=False) for name in ("ids", "offsets", "hashes", "order")
    )
    assert (text.dtype, offsets.dtype, hashes.dtype, order.dtype) == ("u1", "<i8", "<u8", "<i4")
    wanted = b"item-07"
    key = int.from_bytes(hashlib.blake2b(wanted, digest_size=8).digest(), "little")
    at = bisect_left(hashes.tolist(), key)
    assert hashes[at] == key
    position = order[at]
    assert text[offsets[position] : offsets[position + 1]].tobytes() == wanted
    manifest = (HERE / "format-1" / "manifest.json").read_bytes()
    seal = (HERE / "format-1" / "manifest.sha256").read_bytes()
    assert seal == hashlib.sha256(manifest).hexdigest().encode() + b"\n"
    for name, listed in json.loads(manifest)["files"].items():
        content = (HERE / "format-1" / name).read_bytes()
        assert listed == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        assert not name.endswith(".npy") or content.startswith(b"\x93NUMPY\x01\x00")
