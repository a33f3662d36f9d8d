"""What every component must do, by role."""

from collections.abc import Mapping

from firstlight.testing.contracts.commands import CliCommandContract
from firstlight.testing.contracts.common import Contract
from firstlight.testing.contracts.features import FeatureEncoderContract
from firstlight.testing.contracts.generators import CandidateGeneratorContract, ColdStartStrategyContract
from firstlight.testing.contracts.metrics import MetricContract
from firstlight.testing.contracts.rankers import CandidateFilterContract, RankerContract, RerankerContract
from firstlight.testing.contracts.readers import DatasetReaderContract

CONTRACTS: Mapping[str, type[Contract]] = {
    "candidate_generator": CandidateGeneratorContract,
    "cold_start_strategy": ColdStartStrategyContract,
    "ranker": RankerContract,
    "reranker": RerankerContract,
    "candidate_filter": CandidateFilterContract,
    "feature_encoder": FeatureEncoderContract,
    "metric": MetricContract,
    "dataset_reader": DatasetReaderContract,
    "cli_command": CliCommandContract,
}
"""The kit of every role a plugin can register for."""

__all__ = [
    "CONTRACTS",
    "CandidateFilterContract",
    "CandidateGeneratorContract",
    "CliCommandContract",
    "ColdStartStrategyContract",
    "Contract",
    "DatasetReaderContract",
    "FeatureEncoderContract",
    "MetricContract",
    "RankerContract",
    "RerankerContract",
]
