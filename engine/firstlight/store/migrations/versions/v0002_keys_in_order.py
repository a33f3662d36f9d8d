"""Interactions by keys that grow as their ids or times do: new ones go to the end of the index, not all over it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"

_PART = 10_000


def upgrade() -> None:
    """Write the table anew: the old keys, hashes of what identifies an interaction, cannot be put in order."""
    op.drop_index("interactions_by_user", "interactions")
    op.rename_table("interactions", "interactions_0001")
    new = op.create_table(
        "interactions",
        sa.Column("catalog_id", _id()),
        sa.Column("key", sa.LargeBinary),
        sa.Column("user_id", _id(), nullable=False),
        sa.Column("item_id", _id(), nullable=False),
        sa.Column("type", _id(), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("time_us", sa.BigInteger),
        sa.Column("interaction_id", _id(), nullable=False),
        sa.Column("attribution_token", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["catalog_id", "user_id"], ["users.catalog_id", "users.user_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("catalog_id", "key", name="interactions_by_key"),
    )
    old = sa.table("interactions_0001", *(sa.column(column.name, column.type) for column in new.columns))
    connection = op.get_bind()
    found = connection.execute(sa.select(old).order_by(old.c.time_us), execution_options={"yield_per": _PART})
    for rows in found.mappings().partitions():
        connection.execute(sa.insert(new), [{**row, "key": _key(**row)} for row in rows])
    op.drop_table("interactions_0001")
    op.create_index("interactions_by_user", "interactions", ["catalog_id", "user_id", "time_us"])


def _key(*, interaction_id: str, user_id: str, item_id: str, type: str, time_us: int | None, **_rest: Any) -> bytes:
    if interaction_id:
        return b"i" + interaction_id.encode()
    who = blake2b(f"{user_id}\n{item_id}\n{type}".encode(), digest_size=16).digest()
    return b"n" + who if time_us is None else b"t" + (time_us + 2**63).to_bytes(8, "big") + who


def _id() -> TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
