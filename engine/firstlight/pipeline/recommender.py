"""Every catalogue of a home, each answered by its active bundle and kept up to what the store commits."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from firstlight.domain import Query
from firstlight.errors import (
    CorruptBundleError,
    InvalidInputError,
    PluginError,
    PreconditionError,
    Reason,
    Violation,
)
from firstlight.pipeline.checking import Check, CheckHere, open_engine
from firstlight.pipeline.early import MOST_USERS
from firstlight.pipeline.engine import Engine
from firstlight.pipeline.isolation import Isolation
from firstlight.pipeline.meter import Meter
from firstlight.pipeline.placing import UserState
from firstlight.pipeline.rehearsing import ask_golden
from firstlight.pipeline.results import Recommendation
from firstlight.pipeline.threads import GuardedThreads
from firstlight.pipeline.users import UserCache
from firstlight.plugins import Plugins
from firstlight.settings import Settings
from firstlight.store import BundleRecord, Change, ChangeKind, Store

log = logging.getLogger(__name__)

HOOK_DEADLINE_S = 10.0
"""What observers of one event get together."""

_UNFIT = (CorruptBundleError, PluginError, PreconditionError)
"""What keeps a bundle from answering: other errors have nothing to do with it."""

_PAGE = 1000
_ITEM_CHANGES = (ChangeKind.ITEM, ChangeKind.ITEM_DELETED)


def unknown_write() -> InvalidInputError:
    """The error for a ``min_write_token`` beyond the last change."""
    text = "names a write that was never made here"
    return InvalidInputError(f"min_write_token {text}", violations=[Violation("min_write_token", text)])


class Recommender:
    """Engines by catalogue, the state of their users, and the follower of changes. Safe to share among threads.

    The engine that answered before an activation is kept and kept up to date, so that a rollback is one flip.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        plugins: Plugins,
        *,
        meter: Meter | None = None,
        check: Check | None = None,
    ) -> None:
        """``check``: says whether a bundle may be loaded; by default it is checked in this process."""
        self._store = store
        self._settings = settings
        self._plugins = plugins
        self._check = check or CheckHere(settings, plugins)
        self._threads = GuardedThreads(settings.isolation.threads)
        self._meter = meter or Meter()
        self._hooks = self._isolation()
        self._users = UserCache(store, settings.serve.user_cache_size)
        self._engines: dict[str, Engine] = {}
        self._previous: dict[str, Engine] = {}
        self._token = store.last_token()
        self._changing = threading.RLock()

    @property
    def token(self) -> int:
        """The last change that answers know of."""
        return self._token

    @property
    def stuck_threads(self) -> int:
        """Threads that hang in a component's call."""
        return self._threads.stuck

    @property
    def engines(self) -> Mapping[str, Engine]:
        """What answers now, by catalogue."""
        return self._engines

    def may_wait(self, catalog_id: str) -> bool:
        """Whether an answer may wait: for files, or for a component that is not trusted."""
        engine = self._engines.get(catalog_id)
        return engine is None or engine.may_wait

    def observe(self, hook: str, **arguments: Any) -> None:
        """Tell every observer of ``hook``, each within its time."""
        batch = self._hooks.batch({}, remaining_s=HOOK_DEADLINE_S)
        self._hooks.observe(batch, hook, **arguments)
        for name, error in batch.errors.items():
            log.error("plugin %s failed in %s", name, hook, exc_info=error)

    def is_loaded(self, catalog_id: str) -> bool:
        """Whether the catalogue can answer without reading files first."""
        return catalog_id in self._engines

    def active_bundle(self, catalog_id: str) -> str | None:
        """The bundle that answers in this process; None before the first use of the catalogue."""
        engine = self._engines.get(catalog_id)
        return engine.bundle_id if engine else None

    def load(self, catalog_id: str) -> Engine:
        """The engine of the catalogue's active bundle, loaded where this is the first use.

        Where that bundle cannot answer, it is the newest of those that were active before it and can.

        Raises:
            PreconditionError: NO_ACTIVE_BUNDLE.
            CorruptBundleError: the bundle's files are not what they should be, and there is no other one.
        """
        engine = self._engines.get(catalog_id)
        if engine:
            return engine
        with self._changing:
            engine = self._engines.get(catalog_id)
            if engine is None:
                record = self._store.active_bundle(catalog_id)
                if record is None:
                    raise PreconditionError(
                        f"catalogue {catalog_id!r} has no active bundle: run `firstlight train`",
                        reason=Reason.NO_ACTIVE_BUNDLE,
                        metadata={"catalog_id": catalog_id},
                    )
                engine, record = self._first(record)
                self._live(engine, record)
                self._answer_from(engine, record)
            return engine

    def check(self, record: BundleRecord) -> None:
        """Verify and rehearse a bundle beside those that answer, where nobody did since its files were written.

        Raises:
            CorruptBundleError: a file is not what it should be, or a component cannot answer from it.
            PluginError: popularity cannot be loaded.
            PreconditionError: the bundle needs a text model that is not there.
        """
        self._check(self._settings.bundles / record.path, rehearsed=True)

    def recommend(
        self,
        catalog_id: str,
        queries: Sequence[Query],
        *,
        min_write_token: int | None = None,
        cached_only: bool = False,
        remaining_s: float | None = None,
    ) -> list[Recommendation]:
        """Answer each query from the catalogue's active bundle, completed by what is stored about its user.

        ``min_write_token``: the answer must know of this write. ``cached_only``: never wait for SQL; a user whose state
        is not in memory is answered without it, which the answer says (see :meth:`missing_users`). ``remaining_s``:
        what is left of the deadline; None: no component is hurried.

        Raises:
            PreconditionError: NO_ACTIVE_BUNDLE.
            InvalidInputError: a field cannot be used, with its path such as ``queries[3].profile.age``.
        """
        self._reach(min_write_token)
        engine = self.load(catalog_id)
        loaded = {} if cached_only else self.load_users(catalog_id, self.missing_users(catalog_id, queries))
        self._meter.asked_users(queries)
        answers = engine.recommend(queries, self._users.get(catalog_id, queries) | loaded, remaining_s=remaining_s)
        self._meter.answered(answers)
        return answers

    def similar_items(
        self,
        catalog_id: str,
        item_id: str,
        *,
        limit: int = 20,
        min_write_token: int | None = None,
        remaining_s: float | None = None,
    ) -> Recommendation:
        """The items nearest to one item; ``remaining_s`` as for :meth:`recommend`.

        Raises:
            PreconditionError: NO_ACTIVE_BUNDLE.
            NotFoundError: ITEM_NOT_FOUND.
        """
        self._reach(min_write_token)
        engine = self.load(catalog_id)
        answer = engine.similar_items(item_id, limit=limit, remaining_s=remaining_s)
        self._meter.answered([answer])
        return answer

    def missing_users(self, catalog_id: str, queries: Sequence[Query]) -> list[str]:
        """Users of ``queries`` whose state is not in memory."""
        return self._users.missing(catalog_id, queries)

    def load_users(self, catalog_id: str, user_ids: Sequence[str]) -> dict[str, UserState]:
        """Read the state of users from the store into memory."""
        self._meter.read_users(len(user_ids))
        return self._users.load(catalog_id, user_ids)

    def forget_users(self, catalog_id: str, user_ids: Iterable[str]) -> None:
        """Read these users again when they next ask: the store knows something newer."""
        for user_id in user_ids:
            self._users.forget(catalog_id, user_id)

    def follow(self) -> int:
        """Apply every change the store committed since the last call; the number of the last one.

        Items become live or are taken away, users are read again when they next ask, or at once where they met live
        items, whose place depends on that. An activated bundle is verified, rehearsed, loaded beside the old one, and
        then answers; one that fails in this is refused: the old one goes on.
        """
        with self._changing:
            while changes := self._store.changes_since(self._token, limit=_PAGE):
                self._apply(changes)
                self._token = changes[-1].token
                if len(changes) < _PAGE:
                    break
            return self._token

    def _reach(self, token: int | None) -> None:
        if token is not None and token > self._token and token > self.follow():
            raise unknown_write()

    def _apply(self, changes: Sequence[Change]) -> None:
        items: dict[str, dict[str, None]] = defaultdict(dict)
        users: dict[str, dict[str, None]] = defaultdict(dict)
        activated: dict[str, None] = {}
        for change in changes:
            if change.kind in _ITEM_CHANGES:
                items[change.catalog_id][change.key] = None
            elif change.kind is ChangeKind.ACTIVATION:
                activated[change.catalog_id] = None
            else:
                self._users.forget(change.catalog_id, change.key)
                users[change.catalog_id][change.key] = None
        for catalog_id in {**items, **users}:
            changed = list(items[catalog_id])
            for engine in self._kept(catalog_id):
                self._refresh(engine, changed)
                self._hear(engine, users[catalog_id].keys() | engine.early_users(changed))
        for catalog_id in activated:
            if catalog_id in self._engines:
                self._switch(catalog_id)

    def _kept(self, catalog_id: str) -> list[Engine]:
        return [engines[catalog_id] for engines in (self._engines, self._previous) if catalog_id in engines]

    def _loaded(self, record: BundleRecord) -> Engine | None:
        return next((e for e in self._kept(record.catalog_id) if e.bundle_id == record.bundle_id), None)

    def _switch(self, catalog_id: str) -> None:
        """Answer from the bundle that is active in the store, if it can answer."""
        record = self._store.active_bundle(catalog_id)
        current = self._engines[catalog_id]
        if record is None or record.bundle_id == current.bundle_id:
            return
        engine = self._loaded(record)
        if engine is None:
            try:
                self.check(record)
                engine = self._read(record)
                self._live(engine, record)
            except Exception as error:  # whatever is wrong with it, the catalogue still has an answer
                text = "bundle %s is refused, %s goes on answering: %s"
                log.exception(text, record.bundle_id, current.bundle_id, error)
                self._meter.refused(catalog_id, record.bundle_id)
                return
        self._previous[catalog_id] = current
        self._answer_from(engine, record)

    def _answer_from(self, engine: Engine, record: BundleRecord) -> None:
        self._engines[engine.catalog_id] = engine
        self._meter.activated(engine.catalog_id, engine.bundle_id, record.created_at)
        log.info("catalogue %s is answered by bundle %s", engine.catalog_id, engine.bundle_id)
        self.observe("firstlight_bundle_activated", catalog_id=engine.catalog_id, bundle_id=engine.bundle_id)

    def _first(self, active: BundleRecord) -> tuple[Engine, BundleRecord]:
        """What answers in a process that had no answer: the active bundle, or else one before it, or what it can do."""
        failures: list[Exception] = []
        for record in (active, *self._store.previous_bundles(active.catalog_id)):
            try:
                self._check(self._settings.bundles / record.path, rehearsed=False)
                engine = self._read(record)
            except _UNFIT as error:
                log.error("bundle %s is refused: %s", record.bundle_id, error)
                self._meter.refused(record.catalog_id, record.bundle_id)
                failures.append(error)
            else:
                if failures:
                    log.error("bundle %s answers in the place of %s", record.bundle_id, active.bundle_id)
                return engine, record
        try:
            self._check(self._settings.bundles / active.path, rehearsed=False)
            engine = self._read(active, golden=False)
        except _UNFIT:
            raise failures[0] from None
        log.error("bundle %s answers all the same, as there is no other one", active.bundle_id)
        return engine, active

    def _live(self, engine: Engine, record: BundleRecord) -> None:
        """Apply what happened to items since the bundle's data were read."""
        engine.add_items(self._store.items_changed_since(record.catalog_id, record.dataset_token))
        since = self._since(record)
        self._refresh(engine, list(since[ChangeKind.ITEM_DELETED]))
        self._hear(engine, since[ChangeKind.INTERACTION])

    def _read(self, record: BundleRecord, *, golden: bool = True) -> Engine:
        """Load a bundle that was checked; its ``golden`` queries warm it, and must be answered as they were."""
        path = self._settings.bundles / record.path
        engine = open_engine(path, self._settings, self._plugins, self._isolation())
        if golden:
            ask_golden(engine, path, self._plugins)
        return engine

    def _isolation(self) -> Isolation:
        return Isolation(
            self._plugins,
            self._settings.isolation,
            trusted=self._settings.trusted_plugins,
            threads=self._threads,
            count_fault=self._meter.fault,
        )

    def _refresh(self, engine: Engine, ids: Sequence[str]) -> None:
        """Let ``engine`` know these items as the store does now, whatever happened to them before."""
        found = self._store.get_items(engine.catalog_id, ids)
        engine.add_items(list(found.values()))
        engine.remove_items([item_id for item_id in ids if item_id not in found])

    def _hear(self, engine: Engine, user_ids: Collection[str]) -> None:
        """Let ``engine`` know what these users did with its live items, as the store does now."""
        items, ordered, catalog_id = engine.early_items, sorted(user_ids), engine.catalog_id
        if not items:
            return
        for start in range(0, len(ordered), _PAGE):
            some = ordered[start : start + _PAGE]
            early = self._store.interactions_with(catalog_id, items, some, limit=MOST_USERS)
            asked = [Query(user_id=user_id) for user_id in sorted({one.user_id for one in early})]
            known = self._users.get(catalog_id, asked)
            engine.hear(some, early, known | self._users.load(catalog_id, self._users.missing(catalog_id, asked)))

    def _since(self, record: BundleRecord) -> Mapping[ChangeKind, Collection[str]]:
        """Keys of what has changed since a bundle's data were read, by kind, each once."""
        found: dict[ChangeKind, dict[str, None]] = defaultdict(dict)
        for change in self._changes(record.dataset_token):
            if change.catalog_id == record.catalog_id:
                found[change.kind][change.key] = None
        return found

    def _changes(self, token: int) -> Iterable[Change]:
        while changes := self._store.changes_since(token, limit=10 * _PAGE):
            yield from changes
            token = changes[-1].token
