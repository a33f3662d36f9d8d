"""The whole store as one object."""

from __future__ import annotations

from firstlight.settings import Settings
from firstlight.store.bundles import Bundles
from firstlight.store.catalogs import Catalogs
from firstlight.store.changes import ChangeLog
from firstlight.store.database import Database
from firstlight.store.dataset import Datasets
from firstlight.store.entities import Entities
from firstlight.store.interactions import Interactions
from firstlight.store.jobs import Jobs
from firstlight.store.migrate import migrate


class Store(Catalogs, Entities, Interactions, Datasets, Bundles, Jobs, ChangeLog):
    """Everything that is kept, in SQLite or PostgreSQL. Safe to share among threads, not among processes.

    Each method is one transaction; a write is durable when it returns. Ids are not checked here: callers do, with
    :mod:`firstlight.domain.ids`. Every method raises UnavailableError where the database does not answer.
    """

    def close(self) -> None:
        """Close all connections; the store cannot be used afterwards."""
        self._database.close()


def open_store(settings_or_url: Settings | str) -> Store:
    """The store of a home, or of a SQLAlchemy URL, brought to the newest schema.

    Raises:
        PreconditionError: HOME_TOO_NEW: a newer version of Firstlight migrated the database; EXTRA_NOT_INSTALLED.
        InvalidInputError: SETTINGS_INVALID: the URL is none, or names an unsupported database.
        UnavailableError: the database does not answer.
    """
    url = settings_or_url if isinstance(settings_or_url, str) else settings_or_url.store_url
    database = Database(url)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return Store(database)
