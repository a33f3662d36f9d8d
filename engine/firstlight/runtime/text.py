"""Text to vectors by a sentence-transformers model in ONNX: tokenise, run, mean of the tokens, length 1."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from firstlight.errors import InvalidInputError, Reason
from firstlight.runtime.sessions import open_session

MAX_TOKENS = 256
BATCH = 32
CACHED_TEXTS = 200_000
_PROBES = ("a", "a somewhat longer text, whose tokens are others")


class TextModel:
    """A folder with ``model.onnx`` (or ``onnx/model.onnx``) and ``tokenizer.json``; call it with texts.

    Texts are cut to 256 tokens. Vectors do not depend on what else is in a call: models that quantise a whole batch
    at once, as int8 ones do, are run text by text. Vectors are remembered by text.

    Raises:
        InvalidInputError: the folder lacks a file, or a file is not what it should be.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.folder = folder
        self._model = _find(folder, "model.onnx", "onnx/model.onnx")
        self._tokenizer = _tokenizer(_find(folder, "tokenizer.json"))
        self._runner = open_session(self._model, threads=threads)
        self._remembered: dict[str, NDArray[np.float32]] = {}
        together, alone = self._run(_PROBES), np.concatenate([self._run([text]) for text in _PROBES])
        self._batch = BATCH if np.allclose(together, alone, atol=1e-5) else 1

    @cached_property
    def key(self) -> str:
        """What identifies the model: its folder's name and the SHA-256 of its weights, shortened."""
        with self._model.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return f"{self.folder.resolve().name}@{digest[:16]}"

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors float32 (n, D) of length 1."""
        missing = sorted({text for text in texts if text not in self._remembered}, key=lambda text: (len(text), text))
        fresh: dict[str, NDArray[np.float32]] = {}
        for start in range(0, len(missing), self._batch):
            batch = missing[start : start + self._batch]
            fresh.update(zip(batch, self._run(batch), strict=True))
        rows = [fresh[text] if text in fresh else self._remembered[text] for text in texts]
        if len(self._remembered) + len(fresh) <= CACHED_TEXTS:
            self._remembered.update(fresh)
        return np.stack(rows) if rows else np.zeros((0, self._run([""]).shape[1]), np.float32)

    def _run(self, texts: Sequence[str]) -> NDArray[np.float32]:
        encoded = self._tokenizer.encode_batch(list(texts))
        mask = np.array([e.attention_mask for e in encoded], np.int64)
        inputs = {
            "input_ids": np.array([e.ids for e in encoded], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.array([e.type_ids for e in encoded], np.int64),
        }
        outputs = self._runner.run({name: inputs[name] for name in self._runner.inputs if name in inputs})
        tokens = next((rows for rows in outputs.values() if rows.ndim == 3), None)
        if tokens is None:
            pooled = next(iter(outputs.values()))
        else:
            weights = mask[..., None].astype(np.float32)
            pooled = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        length = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(pooled / np.where(length > 0, length, 1), np.float32)


def _find(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InvalidInputError(f"the text model folder {folder} has no {names[0]}", reason=Reason.SETTINGS_INVALID)


def _tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise InvalidInputError(f"{path} is not a tokenizer: {error}", reason=Reason.SETTINGS_INVALID) from error
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()
    return tokenizer
