"""``firstlight.v1.UserService``."""

from __future__ import annotations

from typing import Any

from firstlight.errors import NotFoundError, Reason
from firstlight.server import from_proto, limits, schemas, to_proto
from firstlight.server.backend import Backend
from firstlight.server.checks import Checks
from firstlight.server.paging import Page
from firstlight.v1 import user_service_pb2 as pb
from firstlight.v1.user_service_pb2_grpc import UserServiceServicer


class UserService(UserServiceServicer):
    """Keeps users."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store = backend.store

    async def GetUser(self, request: pb.GetUserRequest, context: Any) -> pb.GetUserResponse:
        """One user."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            user_id = checks.id(request.user_id, "user_id")
        found = await self._backend.blocking(self._store.get_users, catalog_id, [user_id])
        if user_id not in found:
            message = f"catalogue {catalog_id!r} has no user {user_id!r}"
            raise NotFoundError(message, reason=Reason.USER_NOT_FOUND)
        return pb.GetUserResponse(user=to_proto.user(found[user_id]))

    async def ListUsers(self, request: pb.ListUsersRequest, context: Any) -> pb.ListUsersResponse:
        """A page of users."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            page = Page.of(request, "users", checks)
        found = await self._backend.blocking(self._store.list_users, catalog_id, limit=page.size + 1, after=page.after)
        users, token = page.cut(found, lambda user: user.user_id)
        return pb.ListUsersResponse(users=map(to_proto.user, users), next_page_token=token)

    async def BatchUpsertUsers(self, request: pb.BatchUpsertUsersRequest, context: Any) -> pb.BatchUpsertUsersResponse:
        """Create or replace users."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            users = []
            if checks.batch(request.users, limits.MAX_ENTITIES, "users"):
                users = [from_proto.user(user, f"users[{n}]", checks) for n, user in enumerate(request.users)]
            checks.unique([user.user_id for user in users], "users", "user_id")
        schema = await self._backend.blocking(schemas.schema_of, self._store, catalog_id)
        declared = schema.users if schema else ()
        unknown = schemas.check([user.attributes for user in users], declared, "users")
        token = await self._backend.writing(self._store.upsert_users, catalog_id, users)
        return pb.BatchUpsertUsersResponse(write_token=str(token), unknown_attributes=unknown)

    async def BatchDeleteUsers(self, request: pb.BatchDeleteUsersRequest, context: Any) -> pb.BatchDeleteUsersResponse:
        """Delete users."""
        with Checks() as checks:
            catalog_id = checks.catalog(request.catalog_id)
            user_ids = from_proto.ids(request.user_ids, limits.MAX_ENTITIES, "user_ids", checks, empty=False)
        token = await self._backend.writing(self._store.delete_users, catalog_id, user_ids)
        return pb.BatchDeleteUsersResponse(write_token=str(token))
