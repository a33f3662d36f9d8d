"""The artifact that serves: one immutable directory. Its format is specified in ``docs/bundle-format.md``."""

from firstlight.bundle.ids import IdTable
from firstlight.bundle.manifest import FORMAT, ComponentInfo, FastRoute, Manifest
from firstlight.bundle.reading import Bundle
from firstlight.bundle.verifying import verify_bundle
from firstlight.bundle.writing import write_bundle

__all__ = ["FORMAT", "Bundle", "ComponentInfo", "FastRoute", "IdTable", "Manifest", "verify_bundle", "write_bundle"]
