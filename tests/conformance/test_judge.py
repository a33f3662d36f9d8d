import json
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from judge import comparable, difference, failure, found, judge, unsupported  # noqa: E402
from run import users_asked_about  # noqa: E402

CASES = [case for file in sorted(HERE.glob("*.json")) for case in json.loads(file.read_text("utf-8"))]
CALLS = {step["call"] for case in CASES for step in case["steps"]}


@pytest.mark.parametrize(
    ("value", "check"),
    [
        (1, 1.0),
        ([1, {"a": "b"}], [1, {"a": "b"}]),
        ("gap-512ms", {"$between": [500, 520]}),
        ([["a", 1], ["b", 2]], {"$contains": ["b", 2]}),
        (["x", "y", "x"], {"$distinct": 2, "$length": 3}),
        (["Z", "a", "é", "日"], {"$sorted": True}),
        ("prefix", {"$prefix": "pre", "$not": "pre"}),
        ([1, 1], {"$each": {"$one_of": [1, 2]}}),
        ([2, 1], {"$same_items": [1, 2]}),
    ],
)
def test_what_passes(value, check):
    assert failure(value, check) == ""


@pytest.mark.parametrize(
    ("value", "check"),
    [
        (1, True),
        (0, False),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([], {"$each": 1, "$length": 1}),
        ("none", {"$between": [0, 1]}),
        (["b", "a"], {"$sorted": True}),
        (["a"], {"$lacks": "a"}),
        ("a", {"$lacks": "b"}),
    ],
)
def test_what_fails(value, check):
    assert failure(value, check)


def test_paths():
    outcome = {"result": {"items": [["a", "s"], ["b", "t"]]}}
    assert found(outcome, "result.items.*.0") == ["a", "b"]
    assert found(outcome, "result.items.-1.1") == "t"
    assert failure(found(outcome, "result.other"), {"$absent": True}) == ""
    assert failure(found(outcome, "result.other.0"), "x")


def case(*steps):
    return {"name": "n", "steps": list(steps)}


def test_an_unexpected_error_or_crash_is_a_failure_even_where_nothing_is_expected():
    assert judge(case({"call": "c"}), [{"error": {"class": "Error"}}], run="r")
    assert judge(case({"call": "c"}), [{"crash": "oh"}], run="r")
    assert judge(case({"call": "c", "repeat": 2}), [[{"result": 1}, {"crash": "oh"}]], run="r")
    assert judge(case({"call": "c", "expect": {"error.class": "Error"}}), [{"crash": "oh"}], run="r")
    assert not judge(case({"call": "c"}), [{"result": 1}], run="r")


def test_missing_outcomes_are_failures():
    assert judge(case({"call": "c"}), None, run="r")
    assert judge(case({"call": "c"}, {"call": "d"}), [{"result": 1}], run="r")


def test_an_outcome_that_is_saved_can_be_expected_later():
    steps = [{"call": "c", "save": {"id": "job_id"}}, {"call": "d", "expect": {"result": ["${id}", "${run}"]}}]
    assert not judge(case(*steps), [{"result": {"job_id": "j"}}, {"result": ["j", "r"]}], run="r")
    assert judge(case(*steps), [{"result": {"job_id": "j"}}, {"result": ["k", "r"]}], run="r")


def test_what_languages_must_agree_on():
    one = [{"result": {"items": ["r1-a"], "attribution_token": "x", "n": 1}}]
    other = [{"result": {"n": 1.0, "items": ["r2-a"], "attribution_token": "y"}}]
    assert difference(comparable(one, "r1"), comparable(other, "r2")) == ""
    other[0]["result"]["items"] = ["r2-b"]
    assert difference(comparable(one, "r1"), comparable(other, "r2")).startswith("0.result.items.0")
    assert unsupported([{"unsupported": True}])
    assert not unsupported([])


def test_cases_have_names_of_their_own_and_catalogues_of_their_own():
    names = [each["name"] for each in CASES]
    assert len(set(names)) == len(names)
    catalogs = [each["options"]["catalog_id"] for each in CASES if "catalog_id" in each.get("options", {})]
    assert len(set(catalogs)) == len(catalogs)
    for catalog_id in catalogs:
        if catalog_id.startswith("$"):
            assert re.fullmatch(r"[a-z0-9_-]{1,63}", catalog_id.replace("${run}", "r01234567"))


def test_every_error_reason_and_every_call_has_a_case():
    proto = (HERE.parents[1] / "protos/firstlight/v1/error_reason.proto").read_text("utf-8")
    reasons = set(re.findall(r"ERROR_REASON_(\w+) =", proto)) - {"UNSPECIFIED"}
    expected = {step["expect"].get("error.reason") for each in CASES for step in each["steps"]}
    assert reasons <= expected
    rpcs = [
        name
        for file in (HERE.parents[1] / "protos/firstlight/v1").glob("*.proto")
        for name in re.findall(r"^  rpc (\w+)", file.read_text("utf-8"), re.MULTILINE)
    ]
    words = {"recommend", "rank", "similar_items", "roll_back_bundle", "health", "write_all"}
    others = {re.sub(r"(?<=.)([A-Z])", r"_\1", rpc).lower() for rpc in rpcs}
    plain = {name.replace("batch_", "", 1) if name != "batch_recommend" else name for name in others}
    assert plain - {"recommend", "rank_items", "find_similar_items", "rollback_bundle"} <= CALLS
    assert words <= CALLS


def test_the_users_that_servers_read_before_the_cases():
    asked = {"target": "server", "steps": [{"call": "c", "args": {"queries": [{"user_id": "a b"}, {"user_id": "é"}]}}]}
    own = {"target": "server", "steps": [{"call": "c", "args": {"user_id": "${run}-new"}}]}
    elsewhere = {"target": "faults", "steps": [{"call": "c", "args": {"user_id": "c"}}]}
    assert users_asked_about([asked, own, elsewhere]) == ["a b", "é"]
    assert {"user-3", "nobody-yet"} <= set(users_asked_about(CASES))
