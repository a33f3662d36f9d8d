"""Which bundles there are, and which one answers."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from firstlight.domain import Schema
from firstlight.domain.values import time_us
from firstlight.errors import NotFoundError, PreconditionError, Reason
from firstlight.store.changes import last_token, record
from firstlight.store.database import now_us
from firstlight.store.records import ActivationRecord, BundleRecord, ChangeKind
from firstlight.store.repository import Repository, at, ensure_catalog
from firstlight.store.tables import activations, bundles


class Bundles(Repository):
    """Activations form a stack in an append-only history: a rollback adds a row that stands on what lay below.

    After A, B and C were activated, two rollbacks lead to B and then A.
    """

    def register_bundle(self, bundle: BundleRecord) -> None:
        """Add a bundle. It answers only once activated."""
        with self._database.write() as connection:
            ensure_catalog(connection, bundle.catalog_id)
            connection.execute(insert(bundles), _row(bundle))

    def get_bundle(self, catalog_id: str, bundle_id: str) -> BundleRecord:
        """One bundle.

        Raises:
            NotFoundError: BUNDLE_NOT_FOUND.
        """
        with self._database.read() as connection:
            return _get(connection, catalog_id, bundle_id)

    def list_bundles(self, catalog_id: str, *, limit: int = 1000, after: str = "") -> list[BundleRecord]:
        """Up to ``limit`` bundles with ids greater than ``after``, by id."""
        query = select(bundles).where(bundles.c.catalog_id == catalog_id, bundles.c.bundle_id > after)
        with self._database.read() as connection:
            return [_bundle(row) for row in connection.execute(query.order_by(bundles.c.bundle_id).limit(limit))]

    def active_bundle(self, catalog_id: str) -> BundleRecord | None:
        """The bundle that answers, None before the first activation."""
        with self._database.read() as connection:
            top = _top(connection, catalog_id)
            return _get(connection, catalog_id, top.bundle_id) if top else None

    def previous_bundles(self, catalog_id: str) -> list[BundleRecord]:
        """Those that rollbacks would lead to, one after another, each once and without the active one."""
        with self._database.read() as connection:
            top, found = _top(connection, catalog_id), dict[str, BundleRecord]()
            active_id = top.bundle_id if top else ""
            while top is not None and top.below is not None:
                query = select(activations).where(activations.c.activation_id == top.below)
                top = connection.execute(query).one()
                if top.bundle_id != active_id:
                    found.setdefault(top.bundle_id, _get(connection, catalog_id, top.bundle_id))
            return list(found.values())

    def activate_bundle(self, catalog_id: str, bundle_id: str, *, reason: str = "", forced: bool = False) -> int:
        """Let a bundle answer from now on; the write token. Nothing changes where it does already.

        Raises:
            NotFoundError: BUNDLE_NOT_FOUND.
            PreconditionError: GATE_REFUSED, unless ``forced``.
        """
        with self._database.write() as connection:
            gate = _get(connection, catalog_id, bundle_id).gate
            if gate.get("decision") == "refused" and not forced:
                raise PreconditionError(
                    f"the gate refused bundle {bundle_id!r}: {gate['reason']}; only force activates it",
                    reason=Reason.GATE_REFUSED,
                )
            top = _top(connection, catalog_id)
            if top and top.bundle_id == bundle_id:
                return last_token(connection)
            below = top.activation_id if top else None
            return _activate(connection, catalog_id, bundle_id, below=below, reason=reason, forced=forced)

    def rollback_bundle(self, catalog_id: str) -> BundleRecord:
        """Let the bundle answer that did before the active one; that bundle.

        Raises:
            PreconditionError: NO_PREVIOUS_BUNDLE.
        """
        with self._database.write() as connection:
            top = _top(connection, catalog_id)
            if top is None or top.below is None:
                raise PreconditionError(
                    f"catalogue {catalog_id!r} has no previous bundle to roll back to", reason=Reason.NO_PREVIOUS_BUNDLE
                )
            previous = connection.execute(select(activations).where(activations.c.activation_id == top.below)).one()
            reason = f"rollback of {top.bundle_id}"
            _activate(connection, catalog_id, previous.bundle_id, below=previous.below, reason=reason, forced=True)
            return _get(connection, catalog_id, previous.bundle_id)

    def list_activations(self, catalog_id: str, *, limit: int = 1000) -> list[ActivationRecord]:
        """The last ``limit`` activations, newest first."""
        query = select(activations).where(activations.c.catalog_id == catalog_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(activations.c.activation_id.desc()).limit(limit))
            return [
                ActivationRecord(row.catalog_id, row.bundle_id, at(row.activated_us), row.reason, row.forced)
                for row in rows
            ]


def _top(connection: Connection, catalog_id: str) -> Row[Any] | None:
    query = select(activations).where(activations.c.catalog_id == catalog_id)
    return connection.execute(query.order_by(activations.c.activation_id.desc()).limit(1)).one_or_none()


def _activate(
    connection: Connection, catalog_id: str, bundle_id: str, *, below: int | None, reason: str, forced: bool
) -> int:
    row = {
        "catalog_id": catalog_id,
        "bundle_id": bundle_id,
        "below": below,
        "reason": reason,
        "forced": forced,
        "activated_us": now_us(),
    }
    connection.execute(insert(activations), row)
    return record(connection, catalog_id, ChangeKind.ACTIVATION, [bundle_id])


def _get(connection: Connection, catalog_id: str, bundle_id: str) -> BundleRecord:
    query = select(bundles).where(bundles.c.catalog_id == catalog_id, bundles.c.bundle_id == bundle_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(f"catalogue {catalog_id!r} has no bundle {bundle_id!r}", reason=Reason.BUNDLE_NOT_FOUND)
    return _bundle(row)


def _row(bundle: BundleRecord) -> dict[str, Any]:
    created = bundle.created_at if bundle.created_at.tzinfo else bundle.created_at.replace(tzinfo=UTC)
    return {
        "catalog_id": bundle.catalog_id,
        "bundle_id": bundle.bundle_id,
        "path": bundle.path,
        "created_us": time_us(created),
        "preset": bundle.preset,
        "seed": bundle.seed,
        "metrics": json.dumps(dict(bundle.metrics)),
        "gate": json.dumps(dict(bundle.gate)),
        "dataset_token": bundle.dataset_token,
        "schema": json.dumps(bundle.schema.to_json()),
    }


def _bundle(row: Row[Any]) -> BundleRecord:
    return BundleRecord(
        catalog_id=row.catalog_id,
        bundle_id=row.bundle_id,
        path=row.path,
        created_at=at(row.created_us),
        preset=row.preset,
        seed=row.seed,
        metrics=json.loads(row.metrics),
        gate=json.loads(row.gate),
        dataset_token=row.dataset_token,
        schema=Schema.from_json(json.loads(row.schema)),
    )
