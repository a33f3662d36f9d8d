"""The tables of version 0.1."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "catalogs",
        sa.Column("catalog_id", _id(), primary_key=True),
        sa.Column("schema", sa.Text),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    for table, key in (("items", "item_id"), ("users", "user_id")):
        op.create_table(
            table,
            sa.Column("catalog_id", _id(), sa.ForeignKey("catalogs.catalog_id"), primary_key=True),
            sa.Column(key, _id(), primary_key=True),
            sa.Column("attributes", sa.Text, nullable=False),
            sa.Column("token", sa.BigInteger, nullable=False),
        )
        op.create_index(f"{table}_by_token", table, ["catalog_id", "token"])
    _interactions()
    _bundles()
    _jobs()


def _interactions() -> None:
    op.create_table(
        "interactions",
        sa.Column("catalog_id", _id(), primary_key=True),
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("user_id", _id(), nullable=False),
        sa.Column("item_id", _id(), nullable=False),
        sa.Column("type", _id(), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("time_us", sa.BigInteger),
        sa.Column("interaction_id", _id(), nullable=False),
        sa.Column("attribution_token", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["catalog_id", "user_id"], ["users.catalog_id", "users.user_id"], ondelete="CASCADE"),
    )
    op.create_index("interactions_by_user", "interactions", ["catalog_id", "user_id", "time_us"])
    op.create_table(
        "requests",
        sa.Column("catalog_id", _id(), sa.ForeignKey("catalogs.catalog_id"), primary_key=True),
        sa.Column("request_id", _id(), primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("written", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "changes",
        sa.Column("token", _number(), sa.Identity(), primary_key=True),
        sa.Column("catalog_id", _id(), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", _id(), nullable=False),
        sqlite_autoincrement=True,
    )


def _bundles() -> None:
    op.create_table(
        "bundles",
        sa.Column("catalog_id", _id(), sa.ForeignKey("catalogs.catalog_id"), primary_key=True),
        sa.Column("bundle_id", _id(), primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("preset", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("metrics", sa.Text, nullable=False),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("dataset_token", sa.BigInteger, nullable=False),
        sa.Column("schema", sa.Text, nullable=False),
    )
    op.create_table(
        "activations",
        sa.Column("activation_id", _number(), sa.Identity(), primary_key=True),
        sa.Column("catalog_id", _id(), nullable=False),
        sa.Column("bundle_id", _id(), nullable=False),
        sa.Column("below", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("activated_us", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["catalog_id", "bundle_id"], ["bundles.catalog_id", "bundles.bundle_id"]),
        sqlite_autoincrement=True,
    )
    op.create_index("activations_by_catalog", "activations", ["catalog_id", "activation_id"])


def _jobs() -> None:
    op.create_table(
        "training_jobs",
        sa.Column("job_id", _id(), primary_key=True),
        sa.Column("catalog_id", _id(), sa.ForeignKey("catalogs.catalog_id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("bundle_id", _id(), nullable=False),
        sa.Column("pid", sa.BigInteger),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
    )
    op.create_index("training_jobs_by_catalog", "training_jobs", ["catalog_id", "job_id"])
    op.create_table(
        "evaluations",
        sa.Column("evaluation_id", _number(), sa.Identity(), primary_key=True),
        sa.Column("catalog_id", _id(), sa.ForeignKey("catalogs.catalog_id"), nullable=False),
        sa.Column("bundle_id", _id()),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("evaluations_by_catalog", "evaluations", ["catalog_id", "evaluation_id"])


def _id() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _number() -> TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer, "sqlite")
