"""Components that behave until they are told to break."""

import os
from pathlib import Path

import numpy as np

from firstlight import Register, hookimpl
from firstlight_bad.components import BadFilter, BadGenerator, BadMetric, BadReader, BadReranker, BadSettings
from firstlight_bad.encoder import BadEncoder
from firstlight_bad.faults import break_down

if sentinel := os.environ.get("FIRSTLIGHT_BAD_SENTINEL"):
    Path(sentinel).write_text("imported", "utf-8")


@hookimpl
def firstlight_register_candidate_generator(register: Register) -> None:
    """Offer ``bad-generator``."""
    register("bad-generator", BadGenerator, config=BadSettings)


@hookimpl
def firstlight_register_reranker(register: Register) -> None:
    """Offer ``bad-reranker``."""
    register("bad-reranker", BadReranker, config=BadSettings)


@hookimpl
def firstlight_register_candidate_filter(register: Register) -> None:
    """Offer ``bad-filter``."""
    register("bad-filter", BadFilter, config=BadSettings)


@hookimpl
def firstlight_register_feature_encoder(register: Register) -> None:
    """Offer ``bad-encoder``."""
    register("bad-encoder", BadEncoder, config=BadSettings)


@hookimpl
def firstlight_register_metric(register: Register) -> None:
    """Offer ``bad-metric``."""
    register("bad-metric", BadMetric, config=BadSettings)


@hookimpl
def firstlight_register_dataset_reader(register: Register) -> None:
    """Offer ``bad-reader``."""
    register("bad-reader", BadReader, config=BadSettings)


@hookimpl
def firstlight_before_recommend() -> None:
    """Watch, badly."""
    break_down("before", "none")


@hookimpl
def firstlight_classify_scenarios() -> object:
    """Name no scenario, badly."""
    fault = break_down("scenarios", "none")
    return np.zeros(99, np.int8) if fault == "shape" else None
