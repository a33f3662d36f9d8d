"""Fitting: with ``model`` the one module here that needs torch; imported only inside ``fit``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firstlight import FitOptions, InvalidInputError, Metrics, Queries, Scores, TrainingData
from firstlight.learning import (
    EarlyStopping,
    TorchRunner,
    TrainingRecord,
    choose_device,
    content_codes,
    cpu_threads,
    deterministic,
    item_codes,
    make_optimizer,
    multinomial_cross_entropy,
    sampled_softmax,
    squared_error,
    train,
    with_fallback,
)
from firstlight_plugins.sequence.config import SIZES, SequenceConfig, Size
from firstlight_plugins.sequence.exporting import INPUTS, OUTPUTS
from firstlight_plugins.sequence.model import SequenceModel
from firstlight_plugins.sequence.sampling import Problem, Sampler
from firstlight_plugins.sequence.tables import Tables
from firstlight_plugins.sequence.tokens import Scaling, tokenise

DENSE_ITEMS = 20_000
"""Up to this many items the softmax is over all of them, above over a sample."""

VALIDATION_SHOWN = (0, 1, 3, 5, 10)
MAX_VALIDATION = 2_000
MAX_CELLS = 20_000_000
"""Priors of all users for all items are kept while they are no more than this many; else made batch by batch."""

_TABLE_RATE = 0.3
_PROFILE_RATE = 0.03


class Prior(Protocol):
    """The popularity component, as far as it is needed here."""

    def offsets(self, profiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (B, N)."""
        ...

    def score(self, queries: Queries, positions: NDArray[np.int32]) -> Scores:
        """Scores of ``positions`` (B, C)."""
        ...


@dataclass(frozen=True, slots=True)
class Learnt:
    """What ``fit`` leaves: the encoder, and codes and vectors of items (N, d) and of content columns (C, d)."""

    encoder: TorchRunner
    tables: Tables
    scaling: Scaling
    metrics: Metrics


def learn(data: TrainingData, prior: Prior, config: SequenceConfig, options: FitOptions) -> Learnt:
    """Train on the training users; the validation users say when to stop.

    Raises:
        InvalidInputError: the loss is ``mse`` and no interaction has a value.
    """
    if config.loss == "mse" and np.isnan(data.dataset.histories.values).all():
        raise InvalidInputError("component 'sequence': loss 'mse' needs interactions with values; use 'cross_entropy'")
    size = SIZES[config.preset or options.preset]
    return with_fallback(
        choose_device(options.device),
        lambda device: _Training(data, prior, config, size=size, options=options, device=device).run(),
    )


class _Training:
    """One run on one device."""

    def __init__(
        self,
        data: TrainingData,
        prior: Prior,
        config: SequenceConfig,
        *,
        size: Size,
        options: FitOptions,
        device: torch.device,
    ) -> None:
        schema, histories = data.dataset.schema, data.dataset.histories
        self.data, self.prior, self.config, self.size = data, prior, config, size
        self.options, self.device = options, device
        self.items = len(data.dataset.item_ids)
        ordered = schema.has_times and config.order_aware
        self.scaling = Scaling.fit(
            histories, positive_value=schema.positive_value, types=len(schema.types), ordered=ordered
        )
        self.sampler = Sampler(
            histories,
            schema.positive_value,
            ordered=schema.has_times,
            max_shown=config.max_shown,
            valued=config.loss == "mse",
        )
        self.rng = np.random.default_rng(options.seed)
        counts = data.items.base_counts.astype(np.float64)
        self.draws = (counts + 1) ** 0.75
        self.draws /= self.draws.sum()
        few = self.items <= DENSE_ITEMS and data.profiles.shape[0] * self.items <= MAX_CELLS
        self.offsets = prior.offsets(data.profiles) if few else None

    def run(self) -> Learnt:
        with deterministic(self.options.seed), cpu_threads(self.size.threads):
            self.model = self._start().to(self.device)
            record = self._train()
            encoder = TorchRunner(self.model, INPUTS, OUTPUTS)
            with torch.inference_mode():
                codes, content = self.model.codes(), self.model.content_weights
                found = [
                    t.cpu().numpy() for t in (codes, self.model.vectors(codes), content, self.model.vectors(content))
                ]
        return Learnt(encoder, Tables(*found), self.scaling, record.metrics)

    def _start(self) -> SequenceModel:
        data = self.data
        histories = data.dataset.histories.take(data.training)
        liked = histories.keep(histories.positive(self.scaling.positive_value))
        codes = item_codes(liked, items=self.items, width=self.size.width, seed=self.options.seed)
        counts = data.items.base_counts
        content = np.array(data.items.base_content, np.float32)
        return SequenceModel(
            self.size,
            content=content,
            counts=counts,
            codes=codes,
            features=self.scaling.features,
            content_weights=content_codes(content, codes, counts),
            profile_columns=data.profiles.shape[1],
            types=self.scaling.types,
            dropout=self.config.dropout,
            id_dropout=self.config.id_dropout,
        )

    def _train(self) -> TrainingRecord:
        rate = self.config.learning_rate or self.size.learning_rate
        slow = {"ids": _TABLE_RATE, "profile_state": _PROFILE_RATE}
        groups = [
            {"params": [parameter], "lr": rate * slow.get(name.split(".")[0], 1.0)}
            for name, parameter in self.model.named_parameters()
        ]
        optimizer = make_optimizer(
            self.config.optimizer, groups, learning_rate=rate, weight_decay=self.config.weight_decay
        )
        return train(
            self.model,
            optimizer,
            self._batches,
            self._validation(),
            epochs=self.config.epochs,
            stopping=EarlyStopping(self.config.patience),
            time_budget_s=self.options.time_budget_s,
            progress=self.options.progress,
            stage="sequence",
        )

    def _batches(self) -> Iterator[Callable[[], Tensor]]:
        rows = self.rng.permutation(self.data.training)
        for start in range(0, len(rows), self.config.batch_size):
            problem = self.sampler.draw(rows[start : start + self.config.batch_size], self.rng)
            yield partial(self._loss, problem, self.rng)

    def _validation(self) -> Callable[[], float]:
        rows = self.data.validation if len(self.data.validation) else self.data.training
        seed = self.options.seed
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:MAX_VALIDATION])
        problems = [
            self.sampler.fixed(rows[start : start + self.config.batch_size], shown, seed)
            for shown in VALIDATION_SHOWN
            for start in range(0, len(rows), self.config.batch_size)
        ]
        weights = np.array([problem.weights.sum() for problem in problems])

        def loss() -> float:
            rng = np.random.default_rng(seed)
            losses = [float(self._loss(problem, rng)) for problem in problems]
            return float(np.dot(losses, weights) / max(weights.sum(), 1e-9))

        return loss

    def _loss(self, problem: Problem, rng: np.random.Generator) -> Tensor:
        """The loss of one batch; ``rng`` draws the negatives of a large catalogue."""
        targets, weights = self._tensor(problem.targets), self._tensor(problem.weights)
        if self.config.loss == "mse":
            state = self._state(problem, codes := self.model.codes())
            predicted = (state[:, None] * self.model.vectors(codes)[targets]).sum(dim=-1)
            return squared_error(predicted, self._tensor(self.scaling.standardise(problem.values)), weights)
        profiles = self.data.profiles[problem.rows]
        if self.items <= DENSE_ITEMS:
            codes = self.model.codes()
            logits = self._state(problem, codes) @ self.model.vectors(codes).T
            excluded = np.zeros((len(problem.rows), self.items), np.bool_)
            excluded[problem.shown.rows, problem.shown.items] = True
            offsets = self.prior.offsets(profiles) if self.offsets is None else self.offsets[problem.rows]
            logits = logits + self._tensor(offsets)
            return multinomial_cross_entropy(logits, targets, weights, self._tensor(excluded))
        return self._sampled(problem, profiles, targets, weights, rng)

    def _sampled(
        self,
        problem: Problem,
        profiles: NDArray[np.float32],
        targets: Tensor,
        weights: Tensor,
        rng: np.random.Generator,
    ) -> Tensor:
        negatives = rng.choice(self.items, self.config.negatives, p=self.draws)
        needed, places = np.unique(
            np.concatenate([problem.shown.items, problem.targets.ravel(), negatives]), return_inverse=True
        )
        codes = self.model.codes(self._tensor(needed))
        vectors = self.model.vectors(codes)
        first, last = len(problem.shown.items), len(places) - len(negatives)
        state = self._state(problem, codes, places[:first])
        wanted = vectors[self._tensor(places[first:last])].view(*targets.shape, -1)
        positions = np.concatenate(
            [problem.targets, np.broadcast_to(negatives, (len(targets), len(negatives)))], axis=1
        )
        prior = self.prior.score(Queries(profiles, problem.shown), positions.astype(np.int32)).values
        prior_logits = self._tensor(prior)
        width = targets.shape[1]
        positive = (state[:, None] * wanted).sum(dim=-1) + prior_logits[:, :width]
        negative = state @ vectors[self._tensor(places[last:])].T + prior_logits[:, width:]
        log_expected = np.log(self.draws[negatives] * len(negatives)).astype(np.float32)
        return sampled_softmax(
            positive, weights, negative, self._tensor(log_expected), self._tensor(_known(problem, negatives))
        )

    def _state(self, problem: Problem, codes: Tensor, places: NDArray[np.int64] | None = None) -> Tensor:
        """States of the problem's users; ``codes`` of all items, or of those that ``places`` maps the shown ones to."""
        tokens = tokenise(problem.shown, self.scaling, limit=self.config.max_shown)
        index = np.maximum(tokens.items, 0).astype(np.int64)
        if places is not None:
            index[tokens.mask > 0] = places
        profile = self._tensor(self.data.profiles[problem.rows])
        features, types, mask = self._tensor(tokens.features), self._tensor(tokens.types), self._tensor(tokens.mask)
        state: Tensor = self.model(codes[self._tensor(index)], features, types, mask, profile)
        return state

    def _tensor(self, values: NDArray[np.generic]) -> Tensor:
        return torch.as_tensor(values, device=self.device)


def _known(problem: Problem, negatives: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool (B, M): negatives that a user was shown or has as target."""
    rows = np.arange(len(problem.rows), dtype=np.int64)[:, None] << 32
    real = problem.weights > 0
    mine = np.concatenate([(problem.shown.rows << 32) + problem.shown.items, (rows + problem.targets)[real]])
    return np.isin(rows + negatives, mine)
