"""``firstlight.v1.BundleService``."""

from __future__ import annotations

from typing import Any

from firstlight.errors import PreconditionError, Reason
from firstlight.server import to_proto
from firstlight.server.backend import Backend
from firstlight.server.checks import Checks
from firstlight.server.paging import Page
from firstlight.store import BundleRecord
from firstlight.v1 import bundle_service_pb2 as pb
from firstlight.v1.bundle_service_pb2_grpc import BundleServiceServicer


class BundleService(BundleServiceServicer):
    """Chooses which bundle answers."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store

    async def GetBundle(self, request: pb.GetBundleRequest, context: Any) -> pb.GetBundleResponse:
        """One bundle."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            bundle_id = checks.optional_id(request.bundle_id, "bundle_id")
        record, active_id = await self._backend.blocking(self._find, catalog_id, bundle_id)
        return pb.GetBundleResponse(bundle=to_proto.bundle(record, active_id=active_id))

    async def ListBundles(self, request: pb.ListBundlesRequest, context: Any) -> pb.ListBundlesResponse:
        """A page of bundles."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            page = Page.of(request, "bundles", checks)
        found = await self._backend.blocking(
            self._store.list_bundles, catalog_id, limit=page.size + 1, after=page.after
        )
        active_id = await self._backend.blocking(self._active_id, catalog_id)
        records, token = page.cut(found, lambda record: record.bundle_id)
        return pb.ListBundlesResponse(
            bundles=[to_proto.bundle(record, active_id=active_id) for record in records], next_page_token=token
        )

    async def ActivateBundle(self, request: pb.ActivateBundleRequest, context: Any) -> pb.ActivateBundleResponse:
        """Let a bundle answer, if it can."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            bundle_id = checks.id(request.bundle_id, "bundle_id")
        record = await self._backend.blocking(self._checked, catalog_id, bundle_id)
        token = await self._backend.writing(
            self._store.activate_bundle, catalog_id, bundle_id, reason="grpc", forced=request.force
        )
        return pb.ActivateBundleResponse(
            bundle=to_proto.bundle(record, active_id=record.bundle_id), write_token=str(token)
        )

    async def RollbackBundle(self, request: pb.RollbackBundleRequest, context: Any) -> pb.RollbackBundleResponse:
        """Let the bundle before answer again."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
        record = await self._backend.writing(self._store.rollback_bundle, catalog_id)
        token = await self._backend.blocking(self._store.last_token)
        return pb.RollbackBundleResponse(
            bundle=to_proto.bundle(record, active_id=record.bundle_id), write_token=str(token)
        )

    def _find(self, catalog_id: str, bundle_id: str) -> tuple[BundleRecord, str]:
        active = self._store.active_bundle(catalog_id)
        if bundle_id:
            return self._store.get_bundle(catalog_id, bundle_id), active.bundle_id if active else ""
        if active is None:
            raise PreconditionError(
                f"catalogue {catalog_id!r} has no active bundle yet: train one first", reason=Reason.NO_ACTIVE_BUNDLE
            )
        return active, active.bundle_id

    def _active_id(self, catalog_id: str) -> str:
        active = self._store.active_bundle(catalog_id)
        return active.bundle_id if active else ""

    def _checked(self, catalog_id: str, bundle_id: str) -> BundleRecord:
        record = self._store.get_bundle(catalog_id, bundle_id)
        self._backend.recommender.check(record)
        return record
