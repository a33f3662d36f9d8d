"""A worker that says it serves has loaded what it answers from and has answered: its first caller waits for neither."""

from __future__ import annotations

import logging

from firstlight.domain import Query
from firstlight.errors import FirstlightError, Reason
from firstlight.pipeline import Recommender
from firstlight.store import ChangeKind, Store

USERS = 8
"""Those who interacted last, of each catalogue, are asked for; they are the likeliest to ask next."""

RECENT_CHANGES = 1_000
"""How far back these users are looked for: their order in the table of interactions would cost a scan of it."""

log = logging.getLogger(__name__)


def warm(store: Store, recommender: Recommender) -> None:
    """Answer from every catalogue's active bundle, for nobody and for recent users.

    A catalogue that cannot answer does not keep the others from it: its callers are told why.
    """
    recent = store.changes_since(max(0, recommender.token - RECENT_CHANGES), limit=RECENT_CHANGES)
    for catalog_id in store.list_catalogs():
        users = [
            change.key
            for change in reversed(recent)
            if change.catalog_id == catalog_id and change.kind is ChangeKind.INTERACTION
        ]
        try:
            recommender.load(catalog_id)
            # A component that may hang or fail is met by calls with a deadline alone, and is known by those.
            if not recommender.may_wait(catalog_id):
                for user_id in (None, *list(dict.fromkeys(users))[:USERS]):
                    recommender.recommend(catalog_id, [Query(user_id=user_id)])
        except Exception as error:  # whatever is wrong with its bundle or a plugin
            if not isinstance(error, FirstlightError) or error.reason != Reason.NO_ACTIVE_BUNDLE:
                log.exception("catalogue %s cannot be answered", catalog_id)
