"""The contract in ``protos/`` says what the code does."""

import re
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from firstlight.domain import ReasonCode, Scenario
from firstlight.errors import FirstlightError, Reason
from firstlight.pipeline import MAX_GIVEN_HISTORY, MAX_LIMIT, DegradationReason
from firstlight.server import limits
from firstlight.settings import ServeSettings
from firstlight.store import REQUEST_WINDOW_HOURS, JobState
from firstlight.training.gate import FIRST, PASSED, REFUSED
from firstlight.v1 import bundle_pb2, error_reason_pb2, recommendation_pb2, training_job_pb2

PROTOS = Path(__file__).parents[3] / "protos" / "firstlight" / "v1"
TEXT = {file.stem: file.read_text(encoding="utf-8") for file in sorted(PROTOS.glob("*.proto"))}

BATCHES = ("recommendation", "item", "user", "interaction")


def names(enum: Any, prefix: str) -> dict[str, int]:
    found = {name.removeprefix(prefix): number for name, number in enum.items()}
    assert found.pop("UNSPECIFIED") == 0
    return found


@pytest.mark.parametrize(
    ("enum", "prefix", "ours"),
    [
        (recommendation_pb2.Reason.Code, "CODE_", ReasonCode),
        (recommendation_pb2.Scenario, "SCENARIO_", Scenario),
        (recommendation_pb2.Degradation.Reason, "REASON_", DegradationReason),
    ],
)
def test_enums_have_the_same_names_and_numbers(enum: Any, prefix: str, ours: type[IntEnum]) -> None:
    assert names(enum, prefix) == {one.name: one.value for one in ours}


def test_error_reasons() -> None:
    assert list(names(error_reason_pb2.ErrorReason, "ERROR_REASON_")) == [reason.value for reason in Reason]


def test_error_reasons_state_their_codes() -> None:
    found = re.findall(r"// ([A-Z_]+):[^=]*?ERROR_REASON_(\w+) =", TEXT["error_reason"])
    stated = {reason: code for code, reason in found}
    assert set(stated) == set(Reason)
    for cls in FirstlightError.__subclasses__():
        assert stated[cls.default_reason] == cls.code


def test_job_states() -> None:
    assert list(names(training_job_pb2.TrainingJob.State, "STATE_")) == [state.value for state in JobState]


def test_gate_decisions() -> None:
    assert list(names(bundle_pb2.Gate.Decision, "DECISION_")) == [one.upper() for one in (FIRST, PASSED, REFUSED)]


@pytest.mark.parametrize(
    ("file", "number"),
    [
        ("attribute", limits.MAX_ATTRIBUTES),
        ("attribute", limits.MAX_STRING_BYTES),
        ("attribute", limits.MAX_STRINGS),
        ("attribute", limits.MAX_VECTOR),
        ("recommendation", limits.DEFAULT_LIMIT),
        ("recommendation", MAX_LIMIT),
        ("recommendation", limits.MAX_HISTORY),
        ("recommendation", limits.MAX_CONTEXT),
        ("recommendation", limits.MAX_EXCLUDE),
        ("recommendation_service", limits.MAX_CANDIDATES),
        ("recommendation_service", limits.MAX_QUERIES),
        ("item_service", limits.MAX_ENTITIES),
        ("item_service", limits.DEFAULT_PAGE),
        ("item_service", limits.MAX_PAGE),
        ("item_service", limits.MAX_PAGE_TOKEN),
        *[(f"{name}_service", ServeSettings().max_message_mb) for name in BATCHES],
        ("interaction_service", limits.MAX_INTERACTIONS),
        ("interaction_service", REQUEST_WINDOW_HOURS),
    ],
)
def test_maxima_are_stated(file: str, number: int) -> None:
    assert re.search(rf"\b{number:,}\b", TEXT[file])


def test_the_engine_allows_as_much_history() -> None:
    assert limits.MAX_HISTORY == MAX_GIVEN_HISTORY


@pytest.mark.parametrize("file", TEXT)
def test_options_and_imports(file: str) -> None:
    text = TEXT[file]
    assert 'option go_package = "' in text
    assert 'option java_package = "' in text
    assert "option java_multiple_files = true;" in text
    imports = re.findall(r'^import "(.+)";', text, re.MULTILINE)
    assert all(name.startswith(("google/protobuf/", "firstlight/v1/")) for name in imports)
    assert not {"google/protobuf/any.proto", "google/protobuf/struct.proto", "google/protobuf/empty.proto"} & {*imports}
    assert [line for line in text.splitlines() if "int64 " in line and "//" not in line] == (
        ["    int64 int64_value = 3;"] if file == "attribute" else []
    )
