"""One loaded bundle that answers: string ids in, string ids out."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pluggy import HookImpl

from firstlight.bundle import Bundle
from firstlight.domain import (
    Attributes,
    Evidence,
    Interaction,
    Item,
    Queries,
    Query,
    ReasonCode,
    Route,
    Scenario,
    Schema,
)
from firstlight.domain.values import conflicts
from firstlight.errors import InvalidInputError, NotFoundError, PluginError, Violation
from firstlight.features import FeatureEncoders
from firstlight.pipeline.answering import ShownList, answer, order
from firstlight.pipeline.catalogue import Catalogue
from firstlight.pipeline.early import MOST_ITEMS, Early, Meeting
from firstlight.pipeline.explaining import KEPT, shown, text_of
from firstlight.pipeline.isolation import Batch, Isolation
from firstlight.pipeline.loading import ComponentSettings, give_items, load_encoders, load_model
from firstlight.pipeline.model import Model
from firstlight.pipeline.placing import UserState
from firstlight.pipeline.preparing import MAX_LIMIT, Prepared, prepare
from firstlight.pipeline.profiles import Profiles
from firstlight.pipeline.results import Degradation, DegradationReason, Recommendation, RecommendedItem, ShownReason
from firstlight.pipeline.routes import FAST, FULL, Routes
from firstlight.pipeline.shortlist import shortlist
from firstlight.pipeline.similar import Similarity
from firstlight.pipeline.tokens import attribution_token
from firstlight.plugins import Attempt, Plugins
from firstlight.roles import CandidateFilter, Reranker

_CLASSIFY = "firstlight_classify_scenarios"
_HOOKS = (_CLASSIFY, "firstlight_before_recommend", "firstlight_after_recommend")
"""Those called on the way to an answer."""

HEARING_S = 10.0
"""What components get to take in a batch of early interactions."""


class Engine:
    """Answers from one bundle. Any number of threads may ask while others change live items."""

    def __init__(
        self,
        *,
        bundle_id: str,
        catalog_id: str,
        schema: Schema,
        routes: Routes,
        catalogue: Catalogue,
        encoders: FeatureEncoders,
        plugins: Plugins,
        settings: ComponentSettings | None = None,
        isolation: Isolation | None = None,
        absent: Mapping[str, str] | None = None,
        route: Route | None = None,
    ) -> None:
        """``settings`` of filters and rerankers; ``absent``: components of the bundle that cannot be used, and why.

        ``route``: how to answer queries that do not say; None: by what was measured.
        """
        self.bundle_id = bundle_id
        self.catalog_id = catalog_id
        self.schema = schema
        self.routes = routes
        self._route = route
        self._catalogue = catalogue
        self._encoders = encoders
        self._profiles = Profiles(encoders, schema)
        self._plugins = plugins
        self._filters: dict[str, CandidateFilter] = plugins.created("candidate_filter", settings or {})
        self._rerankers: dict[str, Reranker] = plugins.created("reranker", settings or {})
        self.isolation = isolation or Isolation(plugins)
        self.absent = dict(absent or {})
        """Components of the bundle that cannot be used, and why."""
        for components in (self._filters, self._rerankers):
            give_items(components, routes.full.items, encoders.content_names, self.absent, plugins)
        ranker = (self.model.ranker_name,) if self.model.ranker else ()
        plugged = tuple(name for name in encoders.plugged if name not in self.absent)
        self.component_names = (*plugged, *self.model.names, *ranker, *self._filters, *self._rerankers)
        """Everything that takes part in an answer."""
        hooks = (each.plugin_name for hook in _HOOKS for each in plugins.implementations(hook))
        self._called = (*self.component_names, *hooks)
        self._show = lru_cache(KEPT)(partial(shown, id_of=catalogue.id_of))
        self._similarity = Similarity(self.model.items, self.model.components)
        self._early = Early(self.model.components, self.model.items)
        self._writing = threading.Lock()

    @classmethod
    def open(
        cls,
        path: Path,
        plugins: Plugins,
        *,
        settings: ComponentSettings | None = None,
        isolation: Isolation | None = None,
        threads: int = 1,
        text_model: Path | None = None,
        route: Route | None = None,
        verify: bool = True,
    ) -> Engine:
        """Load the bundle at ``path``.

        Args:
            path: the bundle's folder.
            plugins: where its components come from.
            settings: the tables ``[plugins.<component>]``.
            isolation: the guard of its components; by default one of its own.
            threads: CPU threads of one model call.
            text_model: the folder of the text model the bundle was trained with, where it was.
            route: how to answer queries that do not say; by default by what was measured.
            verify: read and check every byte first.

        Raises:
            CorruptBundleError: naming the file.
            PreconditionError: the bundle needs a text model that is not given.
            PluginError: popularity cannot be loaded.
        """
        bundle = Bundle.open(path, verify=verify)
        encoders = load_encoders(bundle, text_model, plugins, settings, threads=threads)
        loaded = load_model(bundle, encoders, plugins, settings or {}, threads=threads)
        return cls(
            bundle_id=bundle.manifest.bundle_id,
            catalog_id=bundle.manifest.catalog_id,
            schema=bundle.manifest.schema,
            routes=loaded.routes,
            catalogue=Catalogue(bundle.ids, bundle.items),
            encoders=encoders,
            plugins=plugins,
            settings=settings,
            isolation=isolation,
            absent={**loaded.absent, **encoders.absent},
            route=route,
        )

    @property
    def model(self) -> Model:
        """All components: the full route."""
        return self.routes.full

    @property
    def may_wait(self) -> bool:
        """Whether an answer may wait for a component that is not trusted: an event loop should not give it then."""
        return self.isolation.may_wait(self._called)

    def recommend(
        self,
        queries: Sequence[Query],
        users: Mapping[str, UserState] | None = None,
        *,
        remaining_s: float | None = None,
    ) -> list[Recommendation]:
        """Answer each query; a query gets the same answer alone and in a batch.

        ``users``: what is stored about the queries' users; one who is missing there is answered from the query alone,
        which the answer says. None: the queries say everything. ``remaining_s``: what is left of the deadline, of which
        a component that is not trusted gets its share; None: no component is hurried.

        Raises:
            InvalidInputError: a field cannot be used, with its path such as ``queries[3].profile.age``.
        """
        if not queries:
            return []
        attempt = self.isolation.batch(self.absent, remaining_s=remaining_s)
        prepared = prepare(
            queries, users, catalogue=self._catalogue, profiles=self._profiles, schema=self.schema, attempt=attempt
        )
        attempt.watch.lap("prepare")
        evidence = self.model.evidence(prepared.queries)
        fast = self.routes.choose(evidence.interactions, tuple(query.route or self._route for query in queries))
        scenarios = self._scenarios(prepared.queries, evidence, attempt)
        about = {"catalog_id": self.catalog_id, "queries": prepared.queries}
        self.isolation.observe(attempt, "firstlight_before_recommend", **about)
        attempt.watch.lap("route")
        lists: dict[int, ShownList] = {}
        placed = np.full((len(queries), int(prepared.limits.max(initial=0))), -1, np.int32)
        for route, rows in ((FULL, np.flatnonzero(~fast)), (FAST, np.flatnonzero(fast))):
            if len(rows):
                part = prepared if len(rows) == len(queries) else prepared.take(rows)
                found, positions = self._answer(self.routes.model(route), part, attempt)
                lists |= dict(zip(rows.tolist(), found, strict=True))
                placed[rows, : positions.shape[1]] = positions
        self.isolation.observe(attempt, "firstlight_after_recommend", **about, positions=placed)
        attempt.tell(self.catalog_id)
        left_out = attempt.degradations
        return [
            Recommendation(
                items=lists[row].items,
                scenario=Scenario(scenario),
                strategy=lists[row].strategy,
                bundle_id=self.bundle_id,
                attribution_token=attribution_token(self.bundle_id),
                route=FAST if fast[row] else FULL,
                degraded=(*notes, *left_out, *_short(len(lists[row].items), limit)),
                timings=attempt.watch.timings,
            )
            for row, (scenario, notes, limit) in enumerate(
                zip(scenarios.tolist(), prepared.degraded, prepared.limits.tolist(), strict=True)
            )
        ]

    def _answer(self, model: Model, prepared: Prepared, attempt: Batch) -> tuple[list[ShownList], NDArray[np.int32]]:
        """The lists of ``model``, one a query, and the positions in them (B, K)."""
        positions = shortlist(model, prepared, removed=self._catalogue.removed, filters=self._filters, attempt=attempt)
        attempt.watch.lap("generate")
        inputs = model.inputs(prepared.queries, positions, attempt=attempt)
        attempt.watch.lap("score")
        ranked = model.fuse(inputs, attempt=attempt)
        attempt.watch.lap("rank")
        columns, placed = order(prepared, inputs, ranked, self._rerankers, attempt=attempt)
        attempt.watch.lap("order")
        lists = answer(
            model,
            prepared.queries,
            inputs,
            ranked,
            columns=columns,
            positions=placed,
            id_of=self._catalogue.id_of,
            show=self._show,
            attempt=attempt,
        )
        attempt.watch.lap("explain")
        return lists, placed

    def similar_items(self, item_id: str, *, limit: int = 20, remaining_s: float | None = None) -> Recommendation:
        """The items nearest to ``item_id``, which may be live and which nobody need have met.

        ``remaining_s``: as for :meth:`recommend`.

        Raises:
            NotFoundError: there is no such item, or it was deleted.
            InvalidInputError: ``limit`` is negative.
        """
        if limit < 0:
            raise InvalidInputError(
                "limit must not be negative", violations=[Violation("limit", "must not be negative")]
            )
        position = int(self._catalogue.position_of([item_id])[0])
        if position < 0 or position in self._catalogue.removed:
            raise NotFoundError(f"catalogue {self.catalog_id!r} has no item {item_id!r}", metadata={"item_id": item_id})
        cut = min(limit, MAX_LIMIT)
        attempt = self.isolation.batch({}, remaining_s=remaining_s)
        found, source = self._similarity.nearest(position, cut, hidden=self._catalogue.removed, attempt=attempt)
        attempt.watch.lap("similar")
        attempt.tell(self.catalog_id)
        reason = ShownReason(ReasonCode.SIMILAR_TO_HISTORY, history_item_id=item_id)
        real = found.positions[0] >= 0
        items = tuple(
            RecommendedItem(self._catalogue.id_of(int(p)), float(score), source, reason, text_of(reason, source))
            for p, score in zip(found.positions[0][real], found.scores[0][real], strict=True)
        )
        text = f"the limit {limit} was cut to {MAX_LIMIT}"
        notes = (Degradation(DegradationReason.LIMIT_CUT, detail=text),) if limit > MAX_LIMIT else ()
        new = self.model.items.counts(np.array([position]))[0] == 0
        return Recommendation(
            items=items,
            scenario=Scenario.NEW_ITEM if new else Scenario.WARM,
            strategy=source,
            bundle_id=self.bundle_id,
            attribution_token=attribution_token(self.bundle_id),
            degraded=(*notes, *attempt.degradations, *_short(len(items), cut)),
            timings=attempt.watch.timings,
        )

    def add_items(self, items: Sequence[Item]) -> None:
        """Add items, change live ones, or show removed ones again; at once, without training.

        An item of the bundle keeps its trained vectors until the next training. Attributes the bundle does not know,
        or that conflict with its schema, are ignored.
        """
        if not items:
            return
        attempt = self.isolation.batch(self.absent)
        content = self._encoders.content([self._usable(item) for item in items], attempt=attempt)
        with self._writing:
            positions = self._catalogue.put([item.item_id for item in items], content)
            self._early.move(positions.tolist(), attempt)
        attempt.tell(self.catalog_id)

    def remove_items(self, ids: Sequence[str]) -> None:
        """Show none of ``ids`` any more; unknown ones are ignored."""
        with self._writing:
            self._catalogue.remove(ids)

    @property
    def early_items(self) -> list[str]:
        """Ids of the items whose interactions count before the next training: the 500 newest live ones.

        None where no component can use them. Removed ones are among them, as they may come back.
        """
        return self._catalogue.newest_live(MOST_ITEMS) if self._early else []

    def early_users(self, item_ids: Sequence[str]) -> set[str]:
        """Users whose interactions with one of ``item_ids`` count."""
        return self._early.users_of(self._catalogue.position_of(item_ids).tolist())

    def hear(
        self, user_ids: Collection[str], interactions: Sequence[Interaction], users: Mapping[str, UserState]
    ) -> None:
        """``interactions`` is all that ``user_ids`` did with :attr:`early_items`, the newest one with each item.

        Components that fold items in (:class:`firstlight.roles.FoldsInItems`) use it at once, together with what is
        stored about ``users``; one that fails is left out. A user who is not among these is left out too.
        """
        attempt = self.isolation.batch(self.absent, remaining_s=HEARING_S)
        rows = {user_id: n for n, user_id in enumerate(users)}
        heard = [one for one in interactions if one.user_id in rows]
        positions = self._catalogue.position_of([one.item_id for one in heard]).tolist()
        meetings = [
            Meeting(
                position, one.user_id, one.time_us or 0, one.value is None or one.value >= self.schema.positive_value
            )
            for one, position in zip(heard, positions, strict=True)
        ]
        queries = prepare(
            [Query(user_id=user_id) for user_id in rows],
            users,
            catalogue=self._catalogue,
            profiles=self._profiles,
            schema=self.schema,
            attempt=attempt,
        ).queries.take(np.array([rows[one.user_id] for one in heard], np.int64))
        with self._writing:
            self._early.hear(user_ids, meetings, queries, self._catalogue.removed, attempt)
        attempt.tell(self.catalog_id)

    def _usable(self, item: Item) -> Attributes:
        bad = {violation.field for violation in conflicts(item.attributes, self.schema.items)}
        return {name: value for name, value in item.attributes.items() if name not in bad}

    def _scenarios(self, queries: Queries, evidence: Evidence, attempt: Attempt) -> NDArray[np.int8]:
        """By the first plugin that has an opinion, else by number of interactions."""
        for implementation in self._plugins.implementations(_CLASSIFY):
            call = partial(self._classify, implementation, queries, evidence)
            named = attempt(implementation.plugin_name, _CLASSIFY, call)
            if named is not None:
                return named
        return evidence.scenarios()

    def _classify(self, implementation: HookImpl, queries: Queries, evidence: Evidence) -> NDArray[np.int8] | None:
        named = self._plugins.call(_CLASSIFY, implementation, {"queries": queries, "evidence": evidence})
        if named is None:
            return None
        if np.shape(named) != (len(queries),) or not np.isin(named, list(Scenario)).all():
            raise PluginError(f"{_CLASSIFY} answered no scenarios (B,)")
        return np.asarray(named, np.int8)


def _short(found: int, limit: int) -> tuple[Degradation, ...]:
    if found >= limit:
        return ()
    text = f"only {found} of {limit} items may be shown"
    return (Degradation(DegradationReason.LIST_SHORT, detail=text),)
