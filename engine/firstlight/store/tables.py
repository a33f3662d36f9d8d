"""The tables, as the newest migration leaves them. Times are microseconds since 1970, JSON is text.

``token`` is the number of the last change to a row: see :mod:`firstlight.store.changes`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

SCHEMA_VERSION = "0002"
"""The newest migration; a test keeps it equal to the newest file in ``migrations/versions``."""

metadata = MetaData()


def id_type() -> TypeEngine[str]:
    """Ids compare byte by byte on every database."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def number_type() -> TypeEngine[int]:
    """64-bit; SQLite only numbers rows of type INTEGER by itself."""
    return BigInteger().with_variant(Integer, "sqlite")


catalogs = Table(
    "catalogs",
    metadata,
    Column("catalog_id", id_type(), primary_key=True),
    Column("schema", Text),
    Column("created_us", BigInteger, nullable=False),
)


def _entities(name: str, key: str) -> Table:
    return Table(
        name,
        metadata,
        Column("catalog_id", id_type(), ForeignKey("catalogs.catalog_id"), primary_key=True),
        Column(key, id_type(), primary_key=True),
        Column("attributes", Text, nullable=False),
        Column("token", BigInteger, nullable=False),
        Index(f"{name}_by_token", "catalog_id", "token"),
    )


items = _entities("items", "item_id")
users = _entities("users", "user_id")

interactions = Table(
    "interactions",
    metadata,
    Column("catalog_id", id_type(), primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("user_id", id_type(), nullable=False),
    Column("item_id", id_type(), nullable=False),
    Column("type", id_type(), nullable=False),
    Column("value", Double),
    Column("time_us", BigInteger),
    Column("interaction_id", id_type(), nullable=False),
    Column("attribution_token", Text, nullable=False),
    # Items have no such key: an item that is deleted and comes back finds its interactions again.
    ForeignKeyConstraint(["catalog_id", "user_id"], ["users.catalog_id", "users.user_id"], ondelete="CASCADE"),
    Index("interactions_by_user", "catalog_id", "user_id", "time_us"),
)

requests = Table(
    "requests",
    metadata,
    Column("catalog_id", id_type(), ForeignKey("catalogs.catalog_id"), primary_key=True),
    Column("request_id", id_type(), primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("written", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False, index=True),
)

changes = Table(
    "changes",
    metadata,
    Column("token", number_type(), Identity(), primary_key=True),
    Column("catalog_id", id_type(), nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", id_type(), nullable=False),
    sqlite_autoincrement=True,
)

bundles = Table(
    "bundles",
    metadata,
    Column("catalog_id", id_type(), ForeignKey("catalogs.catalog_id"), primary_key=True),
    Column("bundle_id", id_type(), primary_key=True),
    Column("path", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("preset", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("dataset_token", BigInteger, nullable=False),
    Column("schema", Text, nullable=False),
)

activations = Table(
    "activations",
    metadata,
    Column("activation_id", number_type(), Identity(), primary_key=True),
    Column("catalog_id", id_type(), nullable=False),
    Column("bundle_id", id_type(), nullable=False),
    Column("below", BigInteger),
    Column("reason", Text, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("activated_us", BigInteger, nullable=False),
    ForeignKeyConstraint(["catalog_id", "bundle_id"], ["bundles.catalog_id", "bundles.bundle_id"]),
    Index("activations_by_catalog", "catalog_id", "activation_id"),
    sqlite_autoincrement=True,
)

training_jobs = Table(
    "training_jobs",
    metadata,
    Column("job_id", id_type(), primary_key=True),
    Column("catalog_id", id_type(), ForeignKey("catalogs.catalog_id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("progress", Double, nullable=False),
    Column("error", Text, nullable=False),
    Column("bundle_id", id_type(), nullable=False),
    Column("pid", BigInteger),
    Column("parameters", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index("training_jobs_by_catalog", "catalog_id", "job_id"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("evaluation_id", number_type(), Identity(), primary_key=True),
    Column("catalog_id", id_type(), ForeignKey("catalogs.catalog_id"), nullable=False),
    Column("bundle_id", id_type()),
    Column("protocol", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index("evaluations_by_catalog", "catalog_id", "evaluation_id"),
    sqlite_autoincrement=True,
)
