"""For plugin authors: a contract kit for every role, and a tiny catalogue whose right answers are known.

Subclass a kit in a test module, name the component, and pytest does the rest::

    from firstlight.testing import CandidateGeneratorContract

    class TestMine(CandidateGeneratorContract):
        component = Mine

The fixtures ``firstlight_catalogue``, ``firstlight_engine`` and ``firstlight_server`` come by themselves. Needs pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firstlight.testing.catalogue import (
        CALM_ITEMS as CALM_ITEMS,
        LOUD_ITEMS as LOUD_ITEMS,
        UNSEEN_ITEMS as UNSEEN_ITEMS,
        TinyCatalogue as TinyCatalogue,
        tiny_dataset as tiny_dataset,
        tiny_training_data as tiny_training_data,
    )
    from firstlight.testing.contracts import (
        CONTRACTS as CONTRACTS,
        CandidateFilterContract as CandidateFilterContract,
        CandidateGeneratorContract as CandidateGeneratorContract,
        CliCommandContract as CliCommandContract,
        ColdStartStrategyContract as ColdStartStrategyContract,
        Contract as Contract,
        DatasetReaderContract as DatasetReaderContract,
        FeatureEncoderContract as FeatureEncoderContract,
        MetricContract as MetricContract,
        RankerContract as RankerContract,
        RerankerContract as RerankerContract,
    )
    from firstlight.testing.running import (
        RunningEngine as RunningEngine,
        RunningServer as RunningServer,
        StartEngine as StartEngine,
        StartServer as StartServer,
    )

_HOMES = {
    "catalogue": (
        "CALM_ITEMS", "LOUD_ITEMS", "TinyCatalogue", "UNSEEN_ITEMS", "tiny_dataset", "tiny_training_data",
    ),
    "contracts": (
        "CONTRACTS", "CandidateFilterContract", "CandidateGeneratorContract", "CliCommandContract",
        "ColdStartStrategyContract", "Contract", "DatasetReaderContract", "FeatureEncoderContract", "MetricContract",
        "RankerContract", "RerankerContract",
    ),
    "running": ("RunningEngine", "RunningServer", "StartEngine", "StartServer"),
}  # fmt: skip
_HOME_OF = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605  # built from one table, tested


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
