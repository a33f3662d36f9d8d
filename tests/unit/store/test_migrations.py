from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from firstlight.domain import Interaction, User
from firstlight.store import open_store
from firstlight.store.database import Database
from firstlight.store.tables import SCHEMA_VERSION

OLD = [
    Interaction("u", "1", 2.5, "click", 1_000, "an-id", "token"),
    Interaction("u", "2", None, "", -5, "", ""),
    Interaction("v", "1", 1.0, "buy", None, "", ""),
    Interaction("v", "2", 3.0, "buy", 2**60, "id-2", ""),
]
MANY = [Interaction("w", str(n), time_us=n) for n in range(12_000)]


@pytest.fixture
def old_url(request, url):
    """The URL of a database as version 0.1 left it, with ``OLD`` in it."""
    database = Database(url)
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "firstlight.store:migrations")
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO catalogs (catalog_id, created_us) VALUES ('default', 0)"))
        for user in ("u", "v", "w"):
            connection.execute(text(f"INSERT INTO users VALUES ('default', '{user}', '{{}}', 1)"))
        names = ("key", *Interaction.__slots__)
        rows = [
            dict(zip(names, (n.to_bytes(16, "little"), *map(one.__getattribute__, names[1:])), strict=True))
            for n, one in enumerate([*OLD, *MANY])
        ]
        marks = ", ".join(f":{name}" for name in names)
        insert = f"INSERT INTO interactions (catalog_id, {', '.join(names)}) VALUES ('default', {marks})"
        connection.execute(text(insert), rows)
    database.close()
    return url


def test_interactions_of_version_0001_are_there_and_known_again(old_url):
    store = open_store(old_url)
    with store._database.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == SCHEMA_VERSION
    assert {user: store.list_interactions("default", user) for user in ("u", "v")} == {
        "u": [OLD[1], OLD[0]],
        "v": [OLD[2], OLD[3]],
    }
    again = store.write_interactions("default", [*OLD, *MANY])
    assert (again.written, again.unchanged) == (0, len(OLD) + len(MANY))
    store.delete_users("default", ["u"])
    assert store.count_interactions("default") == 2 + len(MANY)
    assert store.list_users("default", limit=5) == [User("v"), User("w")]
    store.close()
