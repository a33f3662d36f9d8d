"""Every call: what it sends and which part of the answer it returns. The sync and the async client share these.

A history is a mapping of item id to value, or a sequence, oldest first, of item ids, (item id, value) pairs or
``HistoryEntry`` messages. Times are datetimes, or seconds since 1970.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, Literal, TypeVar

from google.protobuf.message import Message

from firstlight.client.values import Value, duration, pack_all, timestamp
from firstlight.v1 import (
    bundle_service_pb2,
    interaction_service_pb2,
    item_service_pb2,
    plugin_service_pb2,
    recommendation_service_pb2,
    training_service_pb2,
    user_service_pb2,
)
from firstlight.v1.bundle_pb2 import Bundle
from firstlight.v1.interaction_pb2 import Interaction
from firstlight.v1.item_pb2 import Item
from firstlight.v1.recommendation_pb2 import HistoryEntry, Query, Recommendation, Route
from firstlight.v1.training_job_pb2 import TrainingJob, TrainingParameters
from firstlight.v1.user_pb2 import User

T = TypeVar("T")

Profile = Mapping[str, Value | None]
History = Mapping[str, float | None] | Sequence[str | tuple[str, float | None] | HistoryEntry]
MAX_HISTORY = 100_000
Preset = Literal["", "small", "base", "large"]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call. ``pick`` takes the result, or for a list the page's elements, from the response message.

    Every file of ours with a service has that one service, and a method ``M`` takes ``MRequest`` and returns
    ``MResponse``: the request alone names the rest.
    """

    request: Message
    pick: Callable[[Any], T]

    @property
    def path(self) -> str:
        """``/package.Service/Method``."""
        (service,) = self.request.DESCRIPTOR.file.services_by_name.values()
        return f"/{service.full_name}/{self._method}"

    @property
    def response(self) -> type[Message]:
        """The class of the response message."""
        found: type[Message] = getattr(sys.modules[type(self.request).__module__], f"{self._method}Response")
        return found

    @property
    def _method(self) -> str:
        return type(self.request).__name__.removesuffix("Request")


def query(
    user_id: str = "",
    *,
    profile: Profile | None = None,
    history: History = (),
    context: Iterable[str] = (),
    exclude: Iterable[str] = (),
    limit: int = 0,
    include_seen: bool = False,
    route: str = "",
) -> Query:
    """A query for ``batch_recommend``; the fields are those of ``firstlight.v1.Query``.

    ``route``: ``full``, ``fast``, or empty to leave it to the server.
    """
    entries = history.items() if isinstance(history, Mapping) else history
    return Query(
        user_id=user_id,
        profile=pack_all(profile or {}),
        history=[_entry(entry) for entry in entries],
        context_item_ids=context,
        exclude_item_ids=exclude,
        limit=limit,
        include_seen=include_seen,
        route=Route.Value(f"ROUTE_{route.upper() or 'UNSPECIFIED'}"),
    )


def newest(history: History) -> list[str | tuple[str, float | None] | HistoryEntry]:
    """The newest 100,000 entries of a longer history, as many as a query can have."""
    return list(history.items() if isinstance(history, Mapping) else history)[-MAX_HISTORY:]


def _entry(entry: str | tuple[str, float | None] | HistoryEntry) -> HistoryEntry:
    if isinstance(entry, HistoryEntry):
        return entry
    item_id, value = (entry, None) if isinstance(entry, str) else entry
    return HistoryEntry(item_id=item_id, value=value)


def recommend(
    user_id: str = "",
    *,
    profile: Profile | None = None,
    history: History = (),
    context: Iterable[str] = (),
    exclude: Iterable[str] = (),
    limit: int = 0,
    include_seen: bool = False,
    route: str = "",
    min_write_token: str = "",
) -> Call[Recommendation]:
    """The best items for one query. ``min_write_token``: the ``write_token`` of a write the answer must know of."""
    asked = query(
        user_id,
        profile=profile,
        history=history,
        context=context,
        exclude=exclude,
        limit=limit,
        include_seen=include_seen,
        route=route,
    )
    request = recommendation_service_pb2.RecommendRequest(query=asked, min_write_token=min_write_token)
    return Call(request, attrgetter("recommendation"))


def batch_recommend(queries: Iterable[Query], *, min_write_token: str = "") -> Call[Sequence[Recommendation]]:
    """One answer for each of at most 256 queries, in their order."""
    request = recommendation_service_pb2.BatchRecommendRequest(queries=queries, min_write_token=min_write_token)
    return Call(request, attrgetter("recommendations"))


def rank(
    candidates: Iterable[str],
    user_id: str = "",
    *,
    profile: Profile | None = None,
    history: History = (),
    context: Iterable[str] = (),
    limit: int = 0,
    include_seen: bool = False,
    route: str = "",
    min_write_token: str = "",
) -> Call[Recommendation]:
    """At most 1,000 given items in their best order."""
    asked = query(
        user_id,
        profile=profile,
        history=history,
        context=context,
        limit=limit,
        include_seen=include_seen,
        route=route,
    )
    request = recommendation_service_pb2.RankItemsRequest(
        query=asked, candidate_item_ids=candidates, min_write_token=min_write_token
    )
    return Call(request, attrgetter("recommendation"))


def similar_items(item_id: str, *, limit: int = 0, min_write_token: str = "") -> Call[Recommendation]:
    """The items nearest to one."""
    request = recommendation_service_pb2.FindSimilarItemsRequest(
        item_id=item_id, limit=limit, min_write_token=min_write_token
    )
    return Call(request, attrgetter("recommendation"))


def get_item(item_id: str) -> Call[Item]:
    """One stored item."""
    return Call(item_service_pb2.GetItemRequest(item_id=item_id), attrgetter("item"))


def list_items(*, page_size: int = 0) -> Call[Sequence[Item]]:
    """All items by id; ``page_size`` are fetched at a time."""
    return Call(item_service_pb2.ListItemsRequest(page_size=page_size), attrgetter("items"))


def upsert_items(items: Mapping[str, Profile]) -> Call[item_service_pb2.BatchUpsertItemsResponse]:
    """Create or replace at most 1,000 items: attributes by id. All are written, or none."""
    messages = [Item(item_id=key, attributes=pack_all(attributes)) for key, attributes in items.items()]
    return Call(item_service_pb2.BatchUpsertItemsRequest(items=messages), _whole)


def delete_items(item_ids: Iterable[str]) -> Call[item_service_pb2.BatchDeleteItemsResponse]:
    """Delete at most 1,000 items; unknown ids are ignored."""
    return Call(item_service_pb2.BatchDeleteItemsRequest(item_ids=item_ids), _whole)


def get_user(user_id: str) -> Call[User]:
    """One stored user."""
    return Call(user_service_pb2.GetUserRequest(user_id=user_id), attrgetter("user"))


def list_users(*, page_size: int = 0) -> Call[Sequence[User]]:
    """All users by id; ``page_size`` are fetched at a time."""
    return Call(user_service_pb2.ListUsersRequest(page_size=page_size), attrgetter("users"))


def upsert_users(users: Mapping[str, Profile]) -> Call[user_service_pb2.BatchUpsertUsersResponse]:
    """Create or replace at most 1,000 users: attributes by id. All are written, or none."""
    messages = [User(user_id=key, attributes=pack_all(attributes)) for key, attributes in users.items()]
    return Call(user_service_pb2.BatchUpsertUsersRequest(users=messages), _whole)


def delete_users(user_ids: Iterable[str]) -> Call[user_service_pb2.BatchDeleteUsersResponse]:
    """Delete at most 1,000 users and their interactions; unknown ids are ignored."""
    return Call(user_service_pb2.BatchDeleteUsersRequest(user_ids=user_ids), _whole)


def write_interactions(
    interactions: Iterable[Interaction | Mapping[str, Any]], *, request_id: str | None = None
) -> Call[interaction_service_pb2.BatchWriteInteractionsResponse]:
    """Write at most 10,000 interactions: messages, or mappings with their fields. All are written, or none.

    ``request_id``: one of your own to repeat the call safely after a failure; by default a new one, which makes the
    client's own retries safe.
    """
    request = interaction_service_pb2.BatchWriteInteractionsRequest(
        interactions=[_interaction(each) for each in interactions],
        request_id=str(uuid.uuid4()) if request_id is None else request_id,
    )
    return Call(request, _whole)


def _interaction(fields: Interaction | Mapping[str, Any]) -> Interaction:
    if isinstance(fields, Interaction):
        return fields
    time = fields.get("time")
    return Interaction(**{**fields, "time": None if time is None else timestamp(time)})


def get_bundle(bundle_id: str = "") -> Call[Bundle]:
    """One bundle; by default the active one."""
    return Call(bundle_service_pb2.GetBundleRequest(bundle_id=bundle_id), attrgetter("bundle"))


def list_bundles(*, page_size: int = 0) -> Call[Sequence[Bundle]]:
    """All bundles by id, which grows with time."""
    return Call(bundle_service_pb2.ListBundlesRequest(page_size=page_size), attrgetter("bundles"))


def activate_bundle(bundle_id: str, *, force: bool = False) -> Call[bundle_service_pb2.ActivateBundleResponse]:
    """Let a bundle answer; ``force`` activates one that the gate refused."""
    return Call(bundle_service_pb2.ActivateBundleRequest(bundle_id=bundle_id, force=force), _whole)


def roll_back_bundle() -> Call[bundle_service_pb2.RollbackBundleResponse]:
    """Let the bundle that was active before answer again."""
    return Call(bundle_service_pb2.RollbackBundleRequest(), _whole)


def create_training_job(
    *, preset: Preset = "", seed: int | None = None, time_budget_s: float | None = None
) -> Call[TrainingJob]:
    """Start a training job beside the server; what is not given comes from the server's settings."""
    parameters = TrainingParameters(
        preset=TrainingParameters.Preset.Value(f"PRESET_{preset.upper() or 'UNSPECIFIED'}"),
        seed=seed,
        time_budget=None if time_budget_s is None else duration(time_budget_s),
    )
    return Call(training_service_pb2.CreateTrainingJobRequest(parameters=parameters), attrgetter("job"))


def get_training_job(job_id: str) -> Call[TrainingJob]:
    """One training job."""
    return Call(training_service_pb2.GetTrainingJobRequest(job_id=job_id), attrgetter("job"))


def list_training_jobs(*, page_size: int = 0) -> Call[Sequence[TrainingJob]]:
    """All training jobs, newest first."""
    return Call(training_service_pb2.ListTrainingJobsRequest(page_size=page_size), attrgetter("jobs"))


def cancel_training_job(job_id: str) -> Call[TrainingJob]:
    """Ask a training job to stop."""
    return Call(training_service_pb2.CancelTrainingJobRequest(job_id=job_id), attrgetter("job"))


def watch_training_job(job_id: str) -> Call[TrainingJob]:
    """A training job now, and again at every change, until it has ended. Has no deadline."""
    return Call(training_service_pb2.WatchTrainingJobRequest(job_id=job_id), attrgetter("job"))


def list_plugins(*, page_size: int = 0) -> Call[Sequence[plugin_service_pb2.Plugin]]:
    """The server's plugins in the order they were loaded."""
    return Call(plugin_service_pb2.ListPluginsRequest(page_size=page_size), attrgetter("plugins"))


def _whole(response: Any) -> Any:
    return response
