from __future__ import annotations

import csv
import hashlib
import io
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution

import pytest

from firstlight.datasets import movielens_100k
from firstlight.datasets.movielens import PACKAGE_SHA256
from firstlight.domain import Attribute, Kind
from firstlight.errors import InvalidInputError, PreconditionError, Reason

try:
    distribution("recbole")
    INSTALLED = True
except PackageNotFoundError:
    INSTALLED = False
needs_package = pytest.mark.skipif(not INSTALLED, reason="pip install --no-deps recbole==1.2.1")
ABSENT = "no-such-package"


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def archive():
    flags = ["0"] * 19
    flags[5] = flags[15] = "1"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as out:
        out.writestr("ml-100k/u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n")
        out.writestr(
            "ml-100k/u.item", f"1|Café, The (1995)|01-Jan-1995||http://x|{'|'.join(flags)}\n".encode("latin-1")
        )
        out.writestr("ml-100k/u.user", "1|24|M|technician|85711\n")
    return content.getvalue()


def refuse(url):
    raise AssertionError(f"{url} must not be asked")


@needs_package
def test_the_installed_package(tmp_path, store, load):
    found = movielens_100k(tmp_path / "cache", download=refuse)
    assert "recbole" in found.source
    assert rows(found.interactions)[0] == {
        "user_id": "196", "item_id": "242", "rating": "3", "timestamp": "881250949"
    }  # fmt: skip
    assert rows(found.items)[0] == {
        "item_id": "1", "title": "Toy Story", "year": "1995", "genres": "Animation|Children's|Comedy"
    }  # fmt: skip
    assert rows(found.users)[0] == {
        "user_id": "1", "age": "24", "gender": "M", "occupation": "technician", "zip_code": "85711"
    }  # fmt: skip
    assert "recbole" not in sys.modules

    report = load(interactions=found.interactions, items=found.items, users=found.users, strict=True)
    assert (store.count_interactions("default"), store.count_items("default"), store.count_users("default")) == (
        100_000, 1682, 943,
    )  # fmt: skip
    assert (report.unknown_users, report.unknown_items, report.interactions.duplicates) == (0, 0, 0)
    assert {a.name: a.kind for a in (*report.schema.items, *report.schema.users)} == {
        "title": Kind.TEXT, "year": Kind.NUMERIC, "genres": Kind.MULTI,
        "age": Kind.NUMERIC, "gender": Kind.CATEGORICAL, "occupation": Kind.CATEGORICAL, "zip_code": Kind.CATEGORICAL,
    }  # fmt: skip
    assert Attribute("genres", Kind.MULTI, "|") in report.schema.items
    assert report.schema.positive_value == 4.0


@needs_package
def test_a_package_file_of_another_hash_is_refused(tmp_path):
    wrong = {**PACKAGE_SHA256, "item": "0" * 64}
    with pytest.raises(InvalidInputError, match="SHA-256 differs") as caught:
        movielens_100k(tmp_path, package_sha256=wrong, download=refuse)
    assert caught.value.reason is Reason.INPUT_FILE_INVALID
    assert list(tmp_path.iterdir()) == []


def test_the_publisher_and_then_the_cache(tmp_path):
    content = archive()
    asked = []

    def download(url):
        asked.append(url)
        return content

    options = {"package": ABSENT, "zip_md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}
    found = movielens_100k(tmp_path, download=download, **options)
    assert found.source == asked[0]
    assert len(rows(found.interactions)) == 2
    assert rows(found.items) == [{"item_id": "1", "title": "Café, The", "year": "1995", "genres": "Comedy|Sci-Fi"}]
    assert rows(found.users)[0]["occupation"] == "technician"

    assert movielens_100k(tmp_path, download=refuse, **options).source.startswith("cache")
    found.items.write_text("item_id\n1\n")  # an edited or half-written cache is made anew
    assert movielens_100k(tmp_path, download=download, **options).source == asked[0]
    assert len(rows(found.items)) == 1
    assert "title" in rows(found.items)[0]


def test_an_archive_of_another_hash_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="MD5 differs"):
        movielens_100k(tmp_path, package=ABSENT, download=lambda url: b"something else")
    assert list(tmp_path.iterdir()) == []


def test_being_nowhere_says_how_to_get_it(tmp_path, monkeypatch):
    def unreachable(url, timeout):
        raise OSError("no route")

    monkeypatch.setattr("firstlight.datasets.movielens.urlopen", unreachable)
    with pytest.raises(PreconditionError, match=r"pip install --no-deps recbole==1.2.1") as caught:
        movielens_100k(tmp_path, package=ABSENT)
    assert caught.value.reason is Reason.EXTRA_NOT_INSTALLED
