"""What a training run learns about attributes, once per fit, and the bundle keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attribute, Attributes, Dataset, ItemTable, Schema, TrainingData
from firstlight.errors import CorruptBundleError, PreconditionError
from firstlight.features.columns import values_of
from firstlight.features.files import FILE, Block, dump, read, restore
from firstlight.features.fitting import fit_content, fit_plugged, fit_profile
from firstlight.features.plugged import MakeEncoder, Plugged, insist, leave_out, no_encoder, plain_rows
from firstlight.features.vectors import Embed
from firstlight.plugins import Attempt
from firstlight.roles import FeatureEncoder


class FeatureEncoders:
    """Raw attributes to feature rows.

    Profiles, float32 (n, P ≤ 256), hold ones and zeros: one column a category that at least max(5, 1 %) of users have,
    and one a quantile band of a number or time. Content, float32 (n, C ≤ 512), holds the same for items (categories of
    at least 2), standardised numbers, embeddings and one vector of all text. Ids and unknown values encode as zeros.
    The columns of plugins' encoders follow; categories leave them room. ``text_key`` names the text model used, empty
    for hashed n-grams. ``absent``: encoders of plugins that cannot be used, and why; their columns are zeros.
    """

    def __init__(
        self,
        schema: Schema,
        profile: Sequence[Block],
        content: Sequence[Block],
        *,
        text_key: str = "",
        absent: Mapping[str, str] | None = None,
        attempt: Attempt = insist,
    ) -> None:
        self.schema = schema
        self.text_key = text_key
        self.absent = dict(absent or {})
        self._attempt = attempt
        self._profile = tuple(profile)
        self._content = tuple(content)
        self.profile_names, self.profile_fields = _names(self._profile)
        self.content_names, self.content_fields = _names(self._content)

    @classmethod
    def fit(
        cls,
        dataset: Dataset,
        *,
        seed: int = 0,
        embed: Embed | None = None,
        embed_key: str = "",
        plugged: Mapping[str, FeatureEncoder] | None = None,
    ) -> FeatureEncoders:
        """Learn from the users of ``dataset`` and from those of its items that somebody interacted with.

        ``embed``: a text model; ``embed_key``: what identifies it, kept in the bundle (folder name and hash).
        ``plugged``: new encoders of plugins, by the name they were registered under.

        Raises:
            PluginError: one of them fails, breaks its contract, or has more columns than there is room for.
        """
        used = np.flatnonzero(dataset.counts())
        items = [dataset.item_attributes[n] for n in used] if len(used) else dataset.item_attributes
        users = fit_plugged(plugged or {}, "users", dataset.schema.users, dataset.user_attributes, seed)
        own = fit_plugged(plugged or {}, "items", dataset.schema.items, items, seed)
        profile = fit_profile(dataset.schema.users, dataset.user_attributes, users)
        content = fit_content(dataset.schema.items, items, own, seed, embed)
        return cls(dataset.schema, profile, content, text_key=embed_key if embed is not None else "")

    def profiles(self, attributes: Sequence[Attributes], *, attempt: Attempt | None = None) -> NDArray[np.float32]:
        """float32 (n, P).

        ``attempt`` asks plugins' encoders; the columns of one it leaves out are zeros. None: a failing one is an error
        after :meth:`fit`, and left out and logged after :meth:`load`.

        Raises:
            InvalidInputError: a value cannot be of its attribute's kind.
            PluginError: an encoder fails, after :meth:`fit`.
        """
        return _encode(self._profile, self.schema.users, attributes, attempt or self._attempt)

    def content(self, attributes: Sequence[Attributes], *, attempt: Attempt | None = None) -> NDArray[np.float32]:
        """float32 (n, C); otherwise as :meth:`profiles`."""
        return _encode(self._content, self.schema.items, attributes, attempt or self._attempt)

    @property
    def plugged(self) -> tuple[str, ...]:
        """Plugins' encoders that have columns here, those that are absent too."""
        return tuple(block.component for block in (*self._profile, *self._content) if isinstance(block, Plugged))

    @property
    def format(self) -> int:
        """The first bundle format that holds these encoders: 2 where plugins have columns, else 1."""
        return 2 if self.plugged else 1

    def columns_of(self, encoder: str, users: Sequence[Attributes], items: Sequence[Attributes]) -> NDArray[np.float32]:
        """float32 (n, columns) of one of ``plugged``, for ``users`` or ``items``, whichever it is for.

        Raises:
            PluginError: it fails.
        """
        for blocks, schema, rows in (
            (self._profile, self.schema.users, users),
            (self._content, self.schema.items, items),
        ):
            for block in blocks:
                if isinstance(block, Plugged) and block.component == encoder:
                    return block.encode(plain_rows(schema, rows), insist)
        raise KeyError(encoder)

    def unknown_profile(self, attributes: Attributes) -> tuple[str, ...]:
        """Names of user attributes the schema does not know."""
        return _unknown(self.schema.users, attributes)

    def unknown_content(self, attributes: Attributes) -> tuple[str, ...]:
        """Names of item attributes the schema does not know."""
        return _unknown(self.schema.items, attributes)

    def save(self, directory: Path) -> None:
        """Write ``encoders.json``, its arrays, and a folder for each plugin's encoder into ``directory``."""
        directory.mkdir(parents=True, exist_ok=True)
        state = {
            "schema": self.schema.to_json(),
            "text_key": self.text_key,
            "profile": [dump(block, directory, f"profile_{n}") for n, block in enumerate(self._profile)],
            "content": [dump(block, directory, f"content_{n}") for n, block in enumerate(self._content)],
        }
        (directory / FILE).write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")

    @staticmethod
    def required_text_model(directory: Path) -> str:
        """The ``embed_key`` of the text model the saved encoders need, empty for none."""
        return str(read(directory)["text_key"])

    @classmethod
    def load(cls, directory: Path, embed: Embed | None = None, *, make: MakeEncoder = no_encoder) -> FeatureEncoders:
        """Inverse of :meth:`save`; ``embed`` is the model that :meth:`required_text_model` names.

        ``make`` makes the encoders of plugins; one that cannot be made or loaded is ``absent``.

        Raises:
            PreconditionError: a text model is needed and none is given.
            CorruptBundleError: the files cannot be read.
        """
        state = read(directory)
        if state["text_key"] and embed is None:
            raise PreconditionError(f"these features need the text model {state['text_key']!r}; give its folder")
        absent: dict[str, str] = {}

        def block(saved: dict[str, Any]) -> Block:
            if saved["kind"] != "plugged":
                return restore(saved, directory, embed)
            found, why = Plugged.restore(saved, directory, make)
            if why:
                absent[found.component] = f"cannot be loaded: {why}"
            return found

        try:
            profile, content = ([block(saved) for saved in state[part]] for part in ("profile", "content"))
            schema = Schema.from_json(state["schema"])
            return cls(schema, profile, content, text_key=state["text_key"], absent=absent, attempt=leave_out)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise CorruptBundleError(f"feature encoders in {directory.name} cannot be read: {error}") from error


def training_data(dataset: Dataset, encoders: FeatureEncoders, *, validation: NDArray[np.int64]) -> TrainingData:
    """``dataset`` with its users and items as feature rows; ``validation``: rows of users set aside."""
    return TrainingData(
        dataset=dataset,
        profiles=encoders.profiles(dataset.user_attributes),
        profile_names=encoders.profile_names,
        profile_fields=encoders.profile_fields,
        items=ItemTable(encoders.content(dataset.item_attributes), dataset.counts()),
        content_names=encoders.content_names,
        validation=np.asarray(validation, np.int64),
    )


def _encode(
    blocks: Sequence[Block], schema: Sequence[Attribute], rows: Sequence[Attributes], attempt: Attempt
) -> NDArray[np.float32]:
    columns = values_of(schema, rows)
    plain = plain_rows(schema, rows) if any(isinstance(block, Plugged) for block in blocks) else []
    parts = [np.zeros((len(rows), 0), np.float32)]
    for block in blocks:
        if isinstance(block, Plugged):
            parts.append(block.encode(plain, attempt))
        else:
            values = columns[block.field]
            parts.append(block.encode(values))  # type: ignore[arg-type]  # texts are strings under the text field
    return np.concatenate(parts, axis=1)


def _names(blocks: Sequence[Block]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = tuple(name for block in blocks for name in block.names)
    fields = [b.fields if isinstance(b, Plugged) else (b.field,) * len(b.names) for b in blocks]
    return names, tuple(field for each in fields for field in each)


def _unknown(schema: Sequence[Attribute], attributes: Attributes) -> tuple[str, ...]:
    return tuple(sorted(set(attributes) - {a.name for a in schema}))
