"""Lines of the log: what they tell, and what they keep to themselves."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from firstlight.errors import NotFoundError, UnavailableError
from firstlight.logs import REQUEST_IDS, JsonLines, TextLines, summary

USER = "user-4711"


@pytest.fixture(params=[JsonLines, TextLines])
def lines(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    caplog.set_level(logging.INFO)
    before = caplog.handler.formatter
    caplog.handler.setFormatter(request.param())
    yield lambda: caplog.text
    caplog.handler.setFormatter(before)


@pytest.fixture
def objects(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, object]]]:
    return lambda: [json.loads(JsonLines().format(record)) for record in caplog.records]


def fail(error: Exception, cause: Exception | None = None) -> None:
    raise error from cause


def test_an_object_a_line(caplog: pytest.LogCaptureFixture, objects: Callable[[], list[dict[str, object]]]) -> None:
    logging.getLogger("firstlight.x").warning('odd "%s"\nand %d', "é", 2)
    (line,) = objects()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "firstlight.x",
        "message": 'odd "é"\nand 2',
        "process": caplog.records[0].process,
    }
    assert "\n" not in JsonLines().format(caplog.records[0])


def test_the_calls_that_a_line_is_about(objects: Callable[[], list[dict[str, object]]]) -> None:
    log = logging.getLogger("firstlight.x")
    found = []
    for ids in ((), ("a",), ("a", "b")):
        told = REQUEST_IDS.set(ids)
        log.warning("x")
        found.append(objects()[-1])
        REQUEST_IDS.reset(told)
    assert [line.get("request_id") for line in found] == [None, "a", None]
    assert [line.get("request_ids") for line in found] == [None, None, ["a", "b"]]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError(USER), "KeyError"),
        (ValueError(f"cannot use {USER}"), "ValueError"),
        (NotFoundError(f"no user {USER}"), "NotFoundError"),
        (UnavailableError("the database is busy"), "the database is busy"),
        (FileNotFoundError(2, "No such file or directory", USER), "FileNotFoundError: No such file or directory"),
    ],
)
def test_of_an_error_the_place_is_told_and_only_a_text_that_holds_no_data(
    error: Exception, told: str, lines: Callable[[], str]
) -> None:
    assert summary(error) == told
    log = logging.getLogger("firstlight.x")
    try:
        fail(RuntimeError("outer"), cause=error)
    except RuntimeError as outer:
        log.error("failed: %s", error, exc_info=outer)
    text = lines()
    assert f"failed: {told}" in text
    assert "in fail" in text
    assert text.count(told) == 2, "the cause is told too"
    assert USER not in text


def test_a_developer_may_see_everything(lines: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLIGHT_DEBUG", "1")
    logging.getLogger("firstlight.x").error("failed: %s", KeyError(USER))
    assert f"failed: KeyError: '{USER}'" in lines()


CRASH = """
import sys, threading, warnings
from firstlight import logs
logs.configure(sys.argv[1])
def crash():
    raise KeyError("user-" + "4711")
thread = threading.Thread(target=crash)
thread.start()
thread.join()
warnings.warn("old")
logs.say("said")
crash()
"""


def test_what_nobody_catches_is_a_line_like_others() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CRASH, "json"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    found = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["level"] for line in found] == ["CRITICAL", "WARNING", "INFO", "CRITICAL"]
    assert "in crash" in found[0]["error"]
    assert "in crash" in found[3]["error"]
    assert found[2]["message"] == "said"
    assert USER not in ended.stderr


def test_text_is_for_people() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CRASH, "text"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout == "said\n"
    assert "CRITICAL" in ended.stderr
    assert USER not in ended.stderr
