"""A search by Optuna: one study a question, kept in SQL, so that a run goes on where an earlier one ended."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from firstlight.domain import Dataset
from firstlight.plugins import Plugins
from firstlight.roles import FitOptions, Progress, no_progress
from firstlight.settings import Settings
from firstlight.tuning.objective import quality
from firstlight.tuning.space import Choice, Parameter, check_space

log = logging.getLogger(__name__)

FILE = "tuning.db"
"""SQLite, in the home: Optuna keeps a schema version of its own, which the store's database has no room for."""
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
CURRENT = "current"
"""Mark of the first trial, which leaves settings as they are."""
UNPRUNED = 4
"""Trials before one may end early, by falling behind the median of those before it after its first fit."""

Found = Mapping[str, Choice]
"""Values by the names of parameters."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best trial: its ``settings`` by parameter and its ``value``, NDCG@10.

    ``current``: the value of the settings as they were, None where that trial did not end; ``settings`` is empty where
    no other was better. ``trials`` that ended, in this run and before; ``pruned``: those of them that ended early.
    """

    study: str
    settings: Found
    value: float
    current: float | None
    trials: int
    pruned: int


def tune(
    dataset: Dataset,
    plugins: Plugins,
    settings: Settings,
    space: Sequence[Parameter],
    *,
    objective: str,
    trials: int,
    timeout_s: float | None = None,
    options: FitOptions | None = None,
    catalog_id: str = "default",
    question: str = "",
    progress: Progress = no_progress,
) -> Tuned:
    """Search ``space`` until the study holds ``trials`` trials that ended, or ``timeout_s`` is over (checked between).

    The study is that of the same catalogue, objective, space, options, size of the data and ``question``: of another
    one its values could not be compared. The first trial takes ``settings`` as they are, the next ones are drawn by
    tree-structured Parzen estimators (Bergstra et al. 2011). What interrupts a trial leaves those that ended.

    Raises:
        InvalidInputError: the space has a setting or a value that its component does not take, or nobody can be asked.
    """
    options = options or FitOptions()
    check_space(space, plugins, settings.plugins)
    name = f"{catalog_id}/{objective}/{_digest(dataset, space, options, question)}"
    study = _study(settings.home / FILE, name, options.seed)
    end = None if timeout_s is None else time.monotonic() + timeout_s
    for _ in range(trials - len(_ended(study))):
        if end is not None and time.monotonic() >= end:
            break
        trial = study.ask()
        chosen = {} if trial.user_attrs.get(CURRENT) else {p.name: _suggest(trial, p) for p in space}
        stage = f"trial {len(_ended(study)) + 1}/{trials}"

        def ask(trial: optuna.Trial = trial, chosen: Found = chosen, stage: str = stage) -> float:
            return quality(
                dataset,
                plugins,
                overridden(settings, chosen),
                options,
                objective=objective,
                catalog_id=catalog_id,
                step=lambda number, value: _step(trial, number, value),
                progress=lambda _, share: progress(stage, share),
            )

        _run(study, trial, ask)
    return _best(study, name)


def overridden(settings: Settings, chosen: Found) -> Settings:
    """``settings`` with ``chosen`` in the tables ``[plugins.<component>]``."""
    tables = {component: dict(table) for component, table in settings.plugins.items()}
    for name, value in chosen.items():
        _, component, setting = name.split(".")
        tables.setdefault(component, {})[setting] = value
    return settings.model_copy(update={"plugins": tables})


def _study(file: Path, name: str, seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    pruner = optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=0)
    study = optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True, pruner=pruner
    )
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=UNPRUNED)
    if not any(t.user_attrs.get(CURRENT) and t.state in (TrialState.WAITING, *ENDED) for t in study.trials):
        study.enqueue_trial({}, user_attrs={CURRENT: True})
    return study


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=ENDED)


def _suggest(trial: optuna.Trial, parameter: Parameter) -> Choice:
    if parameter.choices:
        choice: Any = trial.suggest_categorical(parameter.name, parameter.choices)  # typed as if it could be None
        return choice  # type: ignore[no-any-return]
    low, high = parameter.low, parameter.high
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(parameter.name, low, high, log=parameter.log)
    return trial.suggest_float(parameter.name, low, high, log=parameter.log)


def _step(trial: optuna.Trial, number: int, value: float) -> None:
    trial.report(value, number)
    if not trial.user_attrs.get(CURRENT) and trial.should_prune():
        raise optuna.TrialPruned


def _run(study: optuna.Study, trial: optuna.Trial, ask: Callable[[], float]) -> None:
    """Run one trial; one whose settings make a component fail is logged, any other end of it is raised again."""
    try:
        study.tell(trial, ask())
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except BaseException as error:
        study.tell(trial, state=TrialState.FAIL)
        if not isinstance(error, Exception) or trial.user_attrs.get(CURRENT):
            raise
        log.warning("trial %s failed with %s: %s", trial.number, dict(trial.params), error)


def _best(study: optuna.Study, name: str) -> Tuned:
    ended = _ended(study)
    complete = [t for t in ended if t.state is TrialState.COMPLETE]
    current = next((t.value for t in complete if t.user_attrs.get(CURRENT)), None)
    best = max(complete, key=lambda t: (t.value or 0.0, -t.number), default=None)
    settings: dict[str, Any] = dict(best.params) if best else {}
    value = best.value if best and best.value is not None else float("nan")
    return Tuned(name, settings, value, current, len(ended), len(ended) - len(complete))


def _digest(dataset: Dataset, space: Sequence[Parameter], options: FitOptions, question: str) -> str:
    sizes = len(dataset.user_ids), len(dataset.item_ids), len(dataset.histories.items)
    parts = (*sizes, options.seed, options.preset, question, *sorted(space, key=lambda p: p.name))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
