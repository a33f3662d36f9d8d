"""``manifest.json``: what a bundle holds and was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from firstlight.domain import Schema
from firstlight.errors import CorruptBundleError, Reason

FORMAT = 3
"""The newest bundle format this version reads. It writes the oldest one that holds what is to be written."""

FORMAT_OF_ROUTES = 3
"""The first that holds a fast route."""

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
"""Holds the SHA-256 of ``manifest.json``, in hexadecimal, and a line feed."""


@dataclass(frozen=True, slots=True)
class ComponentInfo:
    """The plugin that made a component, and its distribution's version."""

    plugin: str
    version: str


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What one file must be: its length in bytes and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FastRoute:
    """The few ``components`` that answer quickly under a ranker of their own; of them the ``generators`` propose items.

    ``quality``: by number of interactions, in decimal digits, its NDCG@10 as a share of that of all components.
    """

    components: tuple[str, ...]
    generators: tuple[str, ...]
    quality: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a bundle but its arrays and graphs.

    ``components`` by name in the order they load; ``ranker``: its component name, empty for none; ``fast``: None for
    no such route; ``metrics``: training metrics by ``component.metric``; ``evaluation``: cross-fitted results, what
    gates compare; ``files`` by path relative to the bundle, with ``/``; ``format``: that of the files, 1 to
    :data:`FORMAT`.
    """

    bundle_id: str
    catalog_id: str
    firstlight: str
    created_at: str
    schema: Schema
    dataset_token: int
    items: int
    components: Mapping[str, ComponentInfo]
    ranker: str
    fast: FastRoute | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, FileInfo] = field(default_factory=dict)
    format: int = 1

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        body = {"format": self.format} | asdict(self)
        if self.fast is None:
            del body["fast"]
        elif self.fast.generators == self.fast.components:  # as in bundles from before there was a difference
            del body["fast"]["generators"]
        return json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """The manifest of the bundle in ``directory``; its seal is not checked.

        Raises:
            CorruptBundleError: it is missing, cannot be read, or is of a newer format (BUNDLE_FORMAT_UNSUPPORTED).
        """
        try:
            body = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
            version = body["format"]
        except FileNotFoundError:
            raise _corrupt(directory, "is missing") from None
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise _corrupt(directory, f"cannot be read ({error})") from error
        if version not in range(1, FORMAT + 1):
            raise CorruptBundleError(
                f"bundle {directory.name} has format {version!r}; this version of Firstlight reads formats 1 to "
                f"{FORMAT}",
                reason=Reason.BUNDLE_FORMAT_UNSUPPORTED,
                metadata={"format": str(version)},
            )
        try:
            body["schema"] = Schema.from_json(body["schema"])
            body["components"] = {name: ComponentInfo(**info) for name, info in body["components"].items()}
            if body.get("fast") is not None:
                fast = body["fast"]
                generators = fast.get("generators", fast["components"])
                body["fast"] = FastRoute(tuple(fast["components"]), tuple(generators), dict(fast["quality"]))
            body["files"] = {name: FileInfo(**info) for name, info in body["files"].items()}
            manifest = cls(**body)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise _corrupt(directory, f"cannot be read ({error})") from error
        for name in (*manifest.files, *manifest.components):
            if not _is_inside(name):
                raise CorruptBundleError(
                    f"bundle {directory.name}: {name} lies outside the bundle", metadata={"file": name}
                )
        return manifest


def _is_inside(name: str) -> bool:
    """Whether ``name`` is a plain relative path that stays below its bundle."""
    parts = PurePosixPath(name).parts
    plain = "\\" not in name and ":" not in name and "\0" not in name
    return plain and bool(parts) and not name.startswith("/") and ".." not in parts and str(PurePosixPath(name)) == name


def _corrupt(directory: Path, problem: str) -> CorruptBundleError:
    return CorruptBundleError(f"bundle {directory.name}: {MANIFEST} {problem}", metadata={"file": MANIFEST})
