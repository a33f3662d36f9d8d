"""Fitting: with ``model`` the one module here that needs torch; imported only inside ``fit``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firstlight import Component, FitOptions, Histories, Metrics, TrainingData
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
    train,
    with_fallback,
)
from firstlight_plugins.student.encoding import OUTPUTS, Inputs, arrange, names
from firstlight_plugins.student.lessons import Desk, Lesson
from firstlight_plugins.student.model import Encoder, StudentModel
from firstlight_plugins.student.settings import StudentSettings
from firstlight_plugins.student.teacher import assemble, ndcg_of

VALIDATION_SHOWN = (0, 1, 3, 5, 10)
MAX_VALIDATION = 2_000
PUPILS = 5_000
"""Users that one round of lessons is dealt to."""
ROUNDS = 6
MAX_CELLS = 20_000_000
"""Candidates of all lessons together: the teacher is asked about each round once, later epochs meet it again."""
FINE_TUNING = 15
"""Epochs after pruning."""

_TABLE_RATE = 0.3
_PROFILE_RATE = 0.03
_ENTROPY_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Learnt:
    """What ``fit`` leaves: the encoder, codes of items (N, d) and of content columns (C, d), and the mean value.

    ``examples``: encoder inputs of a few validation users.
    """

    encoder: TorchRunner
    codes: NDArray[np.float32]
    content: NDArray[np.float32]
    examples: tuple[Inputs, ...]
    metrics: Metrics


def learn(
    data: TrainingData, components: Mapping[str, Component], settings: StudentSettings, options: FitOptions
) -> Learnt:
    """Assemble the teacher of ``components``, the prior first, and train on what it says about the training users."""
    return with_fallback(
        choose_device(options.device),
        lambda device: _Training(data, components, settings, options=options, device=device).run(),
    )


class _Training:
    """One run on one device."""

    def __init__(
        self,
        data: TrainingData,
        components: Mapping[str, Component],
        settings: StudentSettings,
        *,
        options: FitOptions,
        device: torch.device,
    ) -> None:
        self.data, self.settings, self.options, self.device = data, settings, options, device
        teacher, self.metrics = assemble(data, components, options)
        with_states: list[Any] = [c for c in components.values() if hasattr(c, "states")]
        states = with_states[0].states if with_states and settings.state_weight else None
        self.desk = Desk(data, teacher, states, settings.max_shown)
        self.types = max(1, len(data.dataset.schema.types))
        self.rng = np.random.default_rng(options.seed)
        self.rounds: list[list[Lesson]] = []
        self.rounds_kept = ROUNDS

    def run(self) -> Learnt:
        with deterministic(self.options.seed), cpu_threads(1 if self.device.type == "cpu" else None):
            self.validation = self._validation()
            self.model = self._start().to(self.device)
            record = self._train(self.settings.learning_rate, self.settings.epochs, "student")
            if self.settings.variant == "pruned":
                self.model.prune(self.settings.kept)
                record = self._train(self.settings.learning_rate / 3, FINE_TUNING, "student, pruned")
                self.model.encoder.settle()
            with torch.inference_mode():
                codes = self.model.codes().cpu().numpy()
            examples = tuple(self._inputs(lesson, codes) for lesson in self.validation)
        encoder = TorchRunner(self.model.encoder, names(self.types), OUTPUTS)
        content = self.model.content_codes.cpu().numpy()
        self.metrics["parameters"] = float(self._parameters())
        return Learnt(encoder, codes, content, examples, {**self.metrics, **record.metrics})

    def _parameters(self) -> int:
        """Numbers that are learnt and served: the encoder's, and of each item and content column."""
        rows = sum(self.data.items.base_content.shape)
        pruned = self.settings.variant == "pruned"
        width = math.ceil(self.settings.kept * self.settings.width) if pruned else self.settings.width
        weights = self.model.encoder.parameters()
        return rows * width + sum(int(w.count_nonzero()) if pruned else w.numel() for w in weights)

    def _start(self) -> StudentModel:
        data, width = self.data, self.settings.width
        schema, histories = data.dataset.schema, data.dataset.histories.take(data.training)
        votes = histories.keep(histories.positive(schema.positive_value))
        items = data.items.base_size
        codes = item_codes(votes, items=items, width=width, seed=self.options.seed)
        content = np.array(data.items.base_content, np.float32)
        lesson = self._round(0)[0]
        mean, deviation = _spread(data.dataset.histories)
        encoder = Encoder(
            width,
            profile_columns=data.profiles.shape[1],
            types=self.types,
            mean=mean,
            deviation=deviation,
            positive_value=schema.positive_value,
        )
        return StudentModel(
            encoder,
            content=content,
            counts=data.items.base_counts,
            codes=codes,
            content_codes=content_codes(content, codes, data.items.base_counts),
            state_width=lesson.states.shape[1],
            id_dropout=self.settings.id_dropout,
        )

    def _train(self, rate: float, epochs: int, stage: str) -> TrainingRecord:
        slow = {"ids": _TABLE_RATE, "encoder.profile_part": _PROFILE_RATE}
        groups = [
            {"params": [parameter], "lr": rate * next((s for n, s in slow.items() if name.startswith(n)), 1.0)}
            for name, parameter in self.model.named_parameters()
        ]
        optimizer = make_optimizer("adamw", groups, learning_rate=rate, weight_decay=self.settings.weight_decay)
        return train(
            self.model,
            optimizer,
            self._batches(),
            self._validate,
            epochs=epochs,
            stopping=EarlyStopping(self.settings.patience),
            time_budget_s=self.options.time_budget_s,
            progress=self.options.progress,
            stage=stage,
        )

    def _batches(self) -> Callable[[], Iterator[Callable[[], Tensor]]]:
        epoch = 0

        def batches() -> Iterator[Callable[[], Tensor]]:
            nonlocal epoch
            lessons = self._round(epoch % self.rounds_kept)
            epoch += 1
            for n in self.rng.permutation(len(lessons)):
                yield partial(self._loss, lessons[n])

        return batches

    def _round(self, n: int) -> list[Lesson]:
        """The ``n``-th round of lessons, drawn and taught when it is first asked for."""
        while len(self.rounds) <= n:
            rows = self.rng.permutation(self.data.training)[:PUPILS]
            size = self.settings.batch_size
            lessons = [self.desk.draw(rows[start : start + size], self.rng) for start in range(0, len(rows), size)]
            cells = sum(lesson.positions.size for lesson in lessons)
            self.rounds_kept = min(ROUNDS, max(1, MAX_CELLS // max(1, cells)))
            self.rounds.append(lessons)
        return self.rounds[n]

    def _validation(self) -> list[Lesson]:
        rows = self.data.validation if len(self.data.validation) else self.data.training
        rows = np.sort(np.random.default_rng(self.options.seed).permutation(rows)[:MAX_VALIDATION])
        size = self.settings.batch_size
        return [
            self.desk.fixed(rows[start : start + size], shown, self.options.seed)
            for shown in VALIDATION_SHOWN
            for start in range(0, len(rows), size)
        ]

    def _validate(self) -> float:
        """1 − NDCG@10 of what validation users chose, plus a fourth of its cross-entropy.

        Past a point cross-entropy falls at the cost of the top of the list; NDCG alone stands still on small data.
        """
        ranked, losses = [], []
        for lesson in self.validation:
            logits = self._logits(lesson)[0]
            ranked.append(_ndcg(logits.cpu().numpy(), lesson))
            losses.append(float(self._chosen(lesson, logits)))
        weights = np.array([lesson.weights.sum() for lesson in self.validation])
        found = np.concatenate(ranked)
        quality = float(found[np.isfinite(found)].mean()) if np.isfinite(found).any() else 0.0
        return 1 - quality + _ENTROPY_SHARE * float(np.dot(losses, weights) / max(weights.sum(), 1e-9))

    def _loss(self, lesson: Lesson) -> Tensor:
        """(1 − α) CE + α T² KL(teacher ‖ student) + γ |s − M h|² / |s|²: s the teacher's state, M h the student's."""
        settings = self.settings
        logits, hidden = self._logits(lesson)
        loss = (1 - settings.imitation) * self._chosen(lesson, logits)
        loss = loss + settings.imitation * settings.temperature**2 * self._imitated(lesson, logits)
        if self.model.teacher_state is not None and lesson.states.shape[1]:
            states = self._tensor(lesson.states)
            error = ((self.model.teacher_state(hidden) - states) ** 2).mean()
            loss = loss + settings.state_weight * error / (states**2).mean().clamp(min=1e-9)
        return loss

    def _logits(self, lesson: Lesson) -> tuple[Tensor, Tensor]:
        """Scores (B, C) and hidden states (B, d)."""
        items = self.model.codes() if not lesson.correction.any() else None
        index, mask = _padded(lesson.shown)
        if items is not None:
            shown = items[self._tensor(index)]
        else:
            candidates = self.model.codes(self._tensor(np.maximum(lesson.positions, 0)).long())
            shown = self.model.codes(self._tensor(index))
        inputs = arrange(lesson.shown, self.data.profiles[lesson.rows], self.types)
        rest = [self._tensor(inputs[name]) for name in names(self.types)[1:]]
        codes = shown * self._tensor(mask)[..., None]
        hidden = self.model.encoder.hidden(codes, *rest)
        state = self.model.encoder.transform(hidden)
        prior = self._tensor(lesson.prior)
        if items is not None:
            return prior + state @ items.T, hidden
        return prior + (candidates @ state[:, :, None])[..., 0], hidden

    def _chosen(self, lesson: Lesson, logits: Tensor) -> Tensor:
        return multinomial_cross_entropy(
            logits - self._tensor(lesson.correction),
            self._tensor(lesson.targets),
            self._tensor(lesson.weights),
            self._tensor(lesson.excluded),
        )

    def _imitated(self, lesson: Lesson, logits: Tensor) -> Tensor:
        """KL(teacher ‖ student), both at temperature T; users weigh as much as they have to find."""
        excluded, heat = self._tensor(lesson.excluded), self.settings.temperature
        student = (logits / heat).masked_fill(excluded, -torch.inf).log_softmax(dim=-1).masked_fill(excluded, 0.0)
        teacher = (self._tensor(lesson.shares) / heat).masked_fill(excluded, -torch.inf).log_softmax(dim=-1)
        share = teacher.exp()
        apart = (share * (teacher.masked_fill(excluded, 0.0) - student)).sum(dim=-1)
        weights = self._tensor(lesson.weights).sum(dim=1)
        return (apart * weights).sum() / weights.sum().clamp(min=1e-9)

    def _inputs(self, lesson: Lesson, codes: NDArray[np.float32]) -> Inputs:
        index, mask = _padded(lesson.shown)
        return {
            "codes": codes[index] * mask[..., None],
            **arrange(lesson.shown, self.data.profiles[lesson.rows], self.types),
        }

    def _tensor(self, values: NDArray[np.generic]) -> Tensor:
        return torch.as_tensor(values, device=self.device)


def _padded(histories: Histories) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Items (B, H), 0 for padding, and what is real."""
    items = histories.padded(max(1, int(histories.lengths.max(initial=0))))[0]
    return np.maximum(items, 0).astype(np.int64), (items >= 0).astype(np.float32)


def _spread(histories: Histories) -> tuple[float, float]:
    """Mean and deviation of the values that there are."""
    values = histories.values[~np.isnan(histories.values)].astype(np.float64)
    mean, deviation = (float(values.mean()), float(values.std())) if len(values) else (0.0, 1.0)
    return mean, deviation if deviation > 1e-6 else 1.0


def _ndcg(values: NDArray[np.float32], lesson: Lesson) -> NDArray[np.float64]:
    """NDCG@10 (B,) of ``values`` (B, C); NaN where nothing is to be found."""
    relevant = np.zeros(values.shape, np.bool_)
    real = lesson.weights > 0
    relevant[np.nonzero(real)[0], lesson.targets[real]] = True
    relevant &= ~lesson.excluded
    found = ndcg_of(np.where(lesson.excluded, -np.inf, values), relevant, real.sum(axis=1))
    return np.where(real.any(axis=1), found, np.nan)
