"""The artifact that serves: one immutable directory. Its format is specified in ``docs/bundle-format.md``."""

from firstlight.bundle.golden import GOLDEN, Golden, GoldenAnswer, GoldenQuery
from firstlight.bundle.ids import IdTable
from firstlight.bundle.manifest import FORMAT, ComponentInfo, FastRoute, Manifest
from firstlight.bundle.marks import is_checked, marking, remove_bundle, verify_once
from firstlight.bundle.reading import Bundle
from firstlight.bundle.verifying import verify_bundle
from firstlight.bundle.writing import write_bundle

__all__ = [
    "FORMAT",
    "GOLDEN",
    "Bundle",
    "ComponentInfo",
    "FastRoute",
    "Golden",
    "GoldenAnswer",
    "GoldenQuery",
    "IdTable",
    "Manifest",
    "is_checked",
    "marking",
    "remove_bundle",
    "verify_bundle",
    "verify_once",
    "write_bundle",
]
