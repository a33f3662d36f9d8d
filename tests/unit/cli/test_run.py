import logging
import subprocess
import sys
import time

import pytest
import typer

from firstlight.cli import run as module
from firstlight.cli.run import run
from firstlight.errors import InvalidInputError, PreconditionError, Reason


@pytest.fixture
def raising(monkeypatch):
    """Run a command line whose only command raises the given error."""

    def go(error: BaseException, *, debug: str = "") -> int:
        def build() -> typer.Typer:
            app = typer.Typer(pretty_exceptions_enable=False)

            @app.command()
            def fail() -> None:
                raise error

            return app

        monkeypatch.setattr(module, "build_app", build)
        monkeypatch.setenv("FIRSTLIGHT_DEBUG", debug)
        return run([])

    return go


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InvalidInputError("bad\nfile"), 2, "error: bad file"),
        (PreconditionError("worse", reason=Reason.GATE_REFUSED), 3, "error: worse"),
        (PreconditionError("no bundle"), 1, "error: no bundle"),
        (PermissionError(13, "Permission denied", "/x"), 1, "error: Permission denied: /x"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (module.Terminated(), 143, "terminated"),
        (RuntimeError("boom"), 1, "error: internal error: RuntimeError: boom (FIRSTLIGHT_DEBUG=1 shows where)"),
    ],
)
def test_every_failure_is_an_exit_code_and_one_line(raising, capsys, error, code, line):
    assert raising(error) == code
    captured = capsys.readouterr()
    assert captured.err == line + "\n"
    assert captured.out == ""


def test_debugging_lets_the_traceback_through(raising):
    with pytest.raises(RuntimeError, match="boom"):
        raising(RuntimeError("boom"), debug="1")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["train", "--colour"], "No such option: --colour"),
        (["train", "--preset", "huge"], "'huge' is not one of"),
        (["serve", "--port", "99999"], "--port"),
        (["init", "--catalog", "No"], "--catalog must be 1 to 63 characters of a-z, 0-9, _ and -"),
        (["recommend", "--limit", "-1"], "--limit must be at least 0"),
        (["recommend", "--queries", "q.jsonl"], "--queries and --out go together"),
        (["import"], "nothing to import"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(capsys, arguments, problem):
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert problem in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["train"], ["serve"], ["bundles", "list"], ["bundles", "rollback"], ["import", "--items", "x.csv"]],
)
def test_a_directory_that_is_no_home_says_how_to_make_one(capsys, tmp_path, arguments):
    assert run([*arguments, "--home", str(tmp_path / "none")]) == 1
    assert "run `firstlight init`" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", ["plugins list", "plugins list --json"])
def test_a_reader_that_goes_away_is_no_failure(tmp_path, arguments):
    command = f"{sys.executable} -m firstlight.cli {arguments} --home {tmp_path} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("debug", "lines"), [("", 1), ("1", 5)])
def test_a_log_line_is_one_line_without_debugging(monkeypatch, debug, lines):
    monkeypatch.setenv("FIRSTLIGHT_DEBUG", debug)
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "left out: why", (), sys.exc_info())
    text = module._Brief("%(message)s").format(record)
    assert len(text.splitlines()) == lines
    assert text.startswith("left out: why")


def test_no_command_prints_the_help(capsys):
    assert run([]) == 0
    assert "firstlight import" in capsys.readouterr().out


def test_help_comes_at_once_and_loads_no_engine():
    code = (
        "import sys; from firstlight.cli.run import run; run(['--help']); "
        "heavy = {'torch', 'numpy', 'polars', 'sqlalchemy', 'grpc', 'onnxruntime', 'pydantic'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.monotonic() - start < 10  # a second on an idle machine
