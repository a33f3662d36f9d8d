"""``firstlight.v1.ItemService``."""

from __future__ import annotations

from typing import Any

from firstlight.errors import NotFoundError, Reason
from firstlight.server import from_proto, limits, schemas, to_proto
from firstlight.server.backend import Backend
from firstlight.server.checks import Checks
from firstlight.server.paging import Page
from firstlight.v1 import item_service_pb2 as pb
from firstlight.v1.item_service_pb2_grpc import ItemServiceServicer


class ItemService(ItemServiceServicer):
    """Keeps items."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store

    async def GetItem(self, request: pb.GetItemRequest, context: Any) -> pb.GetItemResponse:
        """One item."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            item_id = checks.id(request.item_id, "item_id")
        found = await self._backend.blocking(self._store.get_items, catalog_id, [item_id])
        if item_id not in found:
            message = f"catalogue {catalog_id!r} has no item {item_id!r}"
            raise NotFoundError(message, reason=Reason.ITEM_NOT_FOUND)
        return pb.GetItemResponse(item=to_proto.item(found[item_id]))

    async def ListItems(self, request: pb.ListItemsRequest, context: Any) -> pb.ListItemsResponse:
        """A page of items."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            page = Page.of(request, "items", checks)
        found = await self._backend.blocking(self._store.list_items, catalog_id, limit=page.size + 1, after=page.after)
        items, token = page.cut(found, lambda item: item.item_id)
        return pb.ListItemsResponse(items=map(to_proto.item, items), next_page_token=token)

    async def BatchUpsertItems(self, request: pb.BatchUpsertItemsRequest, context: Any) -> pb.BatchUpsertItemsResponse:
        """Create or replace items."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            items = []
            if checks.batch(request.items, limits.MAX_ENTITIES, "items"):
                items = [from_proto.item(item, f"items[{n}]", checks) for n, item in enumerate(request.items)]
            checks.unique([item.item_id for item in items], "items", "item_id")
        schema = await self._backend.blocking(schemas.schema_of, self._store, catalog_id)
        declared = schema.items if schema else ()
        unknown = schemas.check([item.attributes for item in items], declared, "items")
        token = await self._backend.writing(self._store.upsert_items, catalog_id, items)
        return pb.BatchUpsertItemsResponse(write_token=str(token), unknown_attributes=unknown)

    async def BatchDeleteItems(self, request: pb.BatchDeleteItemsRequest, context: Any) -> pb.BatchDeleteItemsResponse:
        """Delete items."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            item_ids = from_proto.ids(request.item_ids, limits.MAX_ENTITIES, "item_ids", checks, empty=False)
        token = await self._backend.writing(self._store.delete_items, catalog_id, item_ids)
        return pb.BatchDeleteItemsResponse(write_token=str(token))
