"""Every hook, on one page. Hooks register and observe; a request calls resolved components.

A hook implementation may accept fewer arguments than its specification.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from firstlight.domain import Evidence, Metrics, Queries

NAMESPACE = "firstlight"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


class Register(Protocol):
    """The callback a registering hook receives."""

    def __call__(
        self, name: str, factory: Callable[..., Any], *, config: type | None = None, replaces: str | None = None
    ) -> None:
        """Offer ``factory`` under ``name``.

        ``config``: a pydantic model of its settings, passed to the factory as its only argument; None: the factory
        takes none. ``replaces``: the component this one stands in for. A name already taken is refused by name.
        """
        ...


# ---------------------------------------------------------------- registering


@hookspec
def firstlight_register_candidate_generator(register: Register) -> None:
    """Register components that propose and score items. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_cold_start_strategy(register: Register) -> None:
    """Register generators that answer cold scenarios. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_ranker(register: Register) -> None:
    """Register rankers. The one named in settings is used. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_reranker(register: Register) -> None:
    """Register rerankers, applied in the order of settings. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_candidate_filter(register: Register) -> None:
    """Register candidate filters; all of them apply. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_feature_encoder(register: Register) -> None:
    """Register encoders that add columns to profiles or content. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_metric(register: Register) -> None:
    """Register metrics; evaluations report all of them. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_dataset_reader(register: Register) -> None:
    """Register readers of further file formats for imports. Failure: the plugin is not loaded. Since 0.1."""


@hookspec
def firstlight_register_cli_command(register: Register) -> None:
    """Register commands, each as it is, without ``config``. Failure: the plugin is not loaded. Since 0.1."""


# ---------------------------------------------------------------- deciding


@hookspec(firstresult=True)
def firstlight_classify_scenarios(queries: Queries, evidence: Evidence) -> NDArray[np.int8] | None:
    """Name the scenario of each query in a batch, int8 (B,); the first result that is not None counts.

    Failure: the built-in rule by number of interactions applies and the fault is logged. Since 0.1.
    """


# ---------------------------------------------------------------- observing


@hookspec
def firstlight_before_recommend(catalog_id: str, queries: Queries) -> None:
    """Called once per batch before candidates are generated. Failure: logged and ignored. Since 0.1."""


@hookspec
def firstlight_after_recommend(catalog_id: str, queries: Queries, positions: NDArray[np.int32]) -> None:
    """Called once per batch with the positions shown, int32 (B, K). Failure: logged and ignored. Since 0.1."""


@hookspec
def firstlight_component_error(catalog_id: str, component: str, error: BaseException) -> None:
    """A component failed and was skipped in this batch. Failure: logged and ignored. Since 0.1."""


@hookspec
def firstlight_before_train(catalog_id: str, preset: str, seed: int) -> None:
    """A training run starts. Failure: logged and ignored. Since 0.1."""


@hookspec
def firstlight_after_train(catalog_id: str, bundle_id: str, metrics: Metrics) -> None:
    """A training run has written its bundle. Failure: logged and ignored. Since 0.1."""


@hookspec
def firstlight_train_error(catalog_id: str, error: BaseException) -> None:
    """A training run failed. Failure: logged and ignored. Since 0.1."""


@hookspec
def firstlight_interactions_written(catalog_id: str, count: int) -> None:
    """``count`` interactions were committed. Failure: logged and ignored. Since 0.1."""


@hookspec
def firstlight_bundle_activated(catalog_id: str, bundle_id: str) -> None:
    """This process now answers from ``bundle_id``. Failure: logged and ignored. Since 0.1."""
