"""What can be carried to another catalogue: how content and profile turn into expected votes. No item, no user."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ARRAYS = ("rate", "taste")
FILE = "body.json"
TRANSLATION_RIDGE = 0.1


@dataclass(frozen=True, slots=True)
class Body:
    """Parameters by column name.

    ``rate`` (C,): what a content column adds to the logarithm of an item's expected votes. ``taste`` (P + 2 C, C): what
    a column of the context adds to it, by a column of the item; the context is the profile, then the content of liked
    and that of disliked history. ``shape``: the Gamma shape of an item's true rate around the expected one.
    ``crowding`` c divides what k interactions say together by √(k + c); ``scale`` multiplies it. ``ridge``: the
    strength that ``taste`` was learnt with, 0 where nothing was; ``with_text``: whether text columns count.
    """

    content_names: tuple[str, ...]
    profile_names: tuple[str, ...]
    rate: Array
    taste: Array
    shape: float = 1.0
    crowding: float = 5.0
    scale: float = 0.25
    ridge: float = 0.0
    with_text: bool = True

    @classmethod
    def blank(cls, content_names: tuple[str, ...], profile_names: tuple[str, ...]) -> Body:
        """A body that knows nothing."""
        columns, profile = len(content_names), len(profile_names)
        return cls(content_names, profile_names, np.zeros(columns), np.zeros((profile + 2 * columns, columns)))

    def save(self, directory: Path) -> None:
        """``body.json``, ``rate.npy`` and ``taste.npy``."""
        for name in ARRAYS:
            np.save(directory / f"{name}.npy", getattr(self, name).astype(np.float32), allow_pickle=False)
        state = {name: getattr(self, name) for name in self.__slots__ if name not in ARRAYS}
        (directory / FILE).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Body:
        """Inverse of :meth:`save`."""
        state = json.loads((directory / FILE).read_text(encoding="utf-8"))
        state |= {name: tuple(state[name]) for name in ("content_names", "profile_names")}
        rate, taste = (np.load(directory / f"{name}.npy", allow_pickle=False).astype(np.float64) for name in ARRAYS)
        return cls(rate=rate, taste=taste, **state)

    def translated(
        self, content_names: tuple[str, ...], profile_names: tuple[str, ...], content: Array, profile: Array
    ) -> Body:
        """The same in other columns: ``content`` (C', C) and ``profile`` (P', P) say how much of each old one is in a
        new one."""
        size, columns = len(self.profile_names), len(self.content_names)
        blocks = np.split(self.taste, [size, size + columns])
        left = (profile, content, content)
        taste = np.concatenate([side @ block @ content.T for side, block in zip(left, blocks, strict=True)])
        return replace(
            self, content_names=content_names, profile_names=profile_names, rate=content @ self.rate, taste=taste
        )


def translation(own: NDArray[np.float32], theirs: NDArray[np.float32]) -> Array:
    """(A, B): ridge coefficients of the columns of ``theirs`` (n, B) on those of ``own`` (n, A), both less their means.

    The same rows seen twice: where a column is in both, as equal categories and numbers are, it is found exactly but
    for the ridge; bands with other edges and text projected elsewhere are found as nearly as a linear map can.
    """
    if not len(own):
        return np.zeros((own.shape[1], theirs.shape[1]))
    first, second = (rows.astype(np.float64) - rows.mean(axis=0) for rows in (own, theirs))
    gram = first.T @ first + TRANSLATION_RIDGE * np.eye(first.shape[1])
    return np.asarray(np.linalg.solve(gram, first.T @ second))
