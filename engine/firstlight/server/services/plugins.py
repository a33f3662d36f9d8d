"""``firstlight.v1.PluginService``."""

from __future__ import annotations

from typing import Any

from firstlight.server import to_proto
from firstlight.server.backend import Backend
from firstlight.server.checks import Checks
from firstlight.server.paging import FOREIGN_TOKEN, Page
from firstlight.v1 import plugin_service_pb2 as pb
from firstlight.v1.plugin_service_pb2_grpc import PluginServiceServicer


class PluginService(PluginServiceServicer):
    """Says which plugins there are."""

    def __init__(self, backend: Backend) -> None:
        self._plugins = backend.plugins
        self._recommender = backend.recommender

    async def ListPlugins(self, request: pb.ListPluginsRequest, context: Any) -> pb.ListPluginsResponse:
        """A page of plugins; the key of each is its place."""
        with Checks() as checks:
            page = Page.of(request, "plugins", checks)
            if not (page.after or "0").isdecimal():
                checks.add("page_token", FOREIGN_TOKEN)
        start = int(page.after or 0)
        numbered = list(enumerate(self._plugins.infos, 1))[start : start + page.size + 1]
        shown, token = page.cut(numbered, lambda entry: str(entry[0]))
        registrations = self._plugins.registrations
        engines = list(self._recommender.engines.values())
        return pb.ListPluginsResponse(
            plugins=[to_proto.plugin(info, registrations, engines) for _, info in shown], next_page_token=token
        )
