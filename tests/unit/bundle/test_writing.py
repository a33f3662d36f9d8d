"""A bundle is written whole or not at all, and opens to what was written."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from firstlight import __version__
from firstlight.bundle import Bundle, ComponentInfo, verify_bundle
from firstlight.domain import ItemTable


def test_what_was_written_opens(write, ids, schema):
    path = write()
    assert path.parts[-2:] == ("shop", "b1")
    bundle = Bundle.open(path)
    manifest = bundle.manifest
    assert (manifest.bundle_id, manifest.catalog_id, manifest.dataset_token) == ("b1", "shop", 17)
    assert manifest.schema == schema
    assert manifest.firstlight == __version__
    assert manifest.components == {"popularity": ComponentInfo("shop", "3.1"), "other": ComponentInfo("", "")}
    assert manifest.ranker == "fusion"
    assert manifest.metrics == {"popularity.ndcg": 0.25}
    assert manifest.evaluation["slices"][0]["ndcg"] == [0.5, 0.25]
    assert bundle.ids.position_of(ids).tolist() == list(range(len(ids)))
    assert bundle.items.base_counts.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(bundle.items.content(np.array([1])), [[3, 4, 5]])
    assert (bundle.component("popularity") / "prior.bin").read_bytes() == b"weights"
    assert (bundle.encoders / "encoders.bin").is_file()
    assert (bundle.ranker / "fusion.bin").is_file()


def test_item_arrays_are_mapped(write):
    bundle = Bundle.open(write())
    assert isinstance(bundle.items.base_content.base, np.memmap)


def test_the_manifest_lists_every_file(write):
    path = write()
    listed = set(json.loads((path / "manifest.json").read_text(encoding="utf-8"))["files"])
    present = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    assert present - listed == {"manifest.json", "manifest.sha256"}
    assert listed <= present


def test_without_a_ranker_none_is_named(write):
    manifest = verify_bundle(write(ranker=None))
    assert manifest.ranker == ""


def test_a_bundle_without_items_opens(write):
    empty = ItemTable(np.zeros((0, 3), np.float32), np.zeros(0, np.int32))
    assert len(Bundle.open(write(item_ids=[], items=empty)).ids) == 0


@pytest.mark.parametrize("fault", [RuntimeError("parity"), KeyboardInterrupt()])
def test_a_failure_on_the_way_leaves_nothing(write, exporting, tmp_path: Path, fault: BaseException):
    def export(directory: Path) -> None:
        (directory / "half.bin").write_bytes(b"half")
        raise fault

    with pytest.raises(type(fault)):
        write(components={"popularity": exporting("prior"), "failing": SimpleNamespace(export=export)})
    assert list((tmp_path / "shop").iterdir()) == []


def test_a_crash_before_the_rename_leaves_nothing(write, tmp_path: Path, monkeypatch):
    def rename(self: Path, target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="disk full"):
        write()
    assert list((tmp_path / "shop").iterdir()) == []


def test_everything_is_on_disk_before_the_name_appears(write, tmp_path: Path, monkeypatch):
    events: list[str] = []
    monkeypatch.setattr("firstlight.bundle.writing._sync", lambda path: events.append(f"sync {path.name}"))
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda self, to: (events.append("rename"), rename(self, to))[1])
    write()
    before = events[: events.index("rename")]
    assert {"sync manifest.json", "sync content.npy", "sync prior.bin", "sync items"} <= set(before)
    assert events[events.index("rename") :] == ["rename", "sync shop"]


def test_numbers_that_are_not_finite_are_no_metrics(write, tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        write(metrics={"loss": float("nan")})
    assert list((tmp_path / "shop").iterdir()) == []


def test_a_bundle_is_never_overwritten(write):
    path = write()
    before = verify_bundle(path)
    with pytest.raises(FileExistsError, match="b1"):
        write()
    assert verify_bundle(path) == before
