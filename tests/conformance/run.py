"""``make conformance``: every client against the same cases, one table, languages across and cases down.

Builds each client's runner, gives each language a server of its own on a copy of one home, and a fault server that all
share. Ends with 1 where any case fails, a runner cannot be built, or two languages differ where they must agree.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from home import make_home, serving, warm
from judge import comparable, difference, judge, unsupported
from rich.console import Console
from rich.markup import escape
from rich.table import Table

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUNNER_TIMEOUT_S = 180
AT_ONCE = 2
"""Languages at a time, and builds: most of the cases wait, for a pause or a deadline."""
ALLOWED = "unsupported_in"
FIVE_CALLS = {
    "name": "the five calls of docs/clients.md",
    "steps": [{"call": "five-calls", "expect": {"result": {"$longer": 5, "$contains": "ITEM_NOT_FOUND"}}}],
}
"""Beside the cases: the example that the documentation shows, run as it is."""


@dataclass(frozen=True)
class Language:
    """A column: where its client is, what its build needs, and what its runner's command is called with."""

    name: str
    folder: str
    tools: tuple[str, ...]
    options: tuple[str, ...] = ()


LANGUAGES = (
    Language("python", "python", ("python3",)),
    Language("python-aio", "python", ("python3",), ("--aio",)),
    Language("go", "go", ("go",)),
    Language("typescript", "typescript", ("node", "npm")),
    Language("java", "java", ("java", "mvn")),
    Language("rust", "rust", ("cargo",)),
)


@dataclass
class Column:
    """What became of one language. ``broken``: why nothing of it ran."""

    language: Language
    run: str
    outcomes: dict[str, Any] = field(default_factory=dict)
    broken: str = ""
    seconds: float = 0.0
    problems: dict[str, list[str]] = field(default_factory=dict)


def load_cases(folder: Path) -> list[dict[str, Any]]:
    """All cases, in the order in which runners take them."""
    cases = [case for file in sorted(folder.glob("*.json")) for case in json.loads(file.read_text("utf-8"))]
    names = [case["name"] for case in cases]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"cases with the same name: {', '.join(sorted(repeated))}")
    return cases


def users_asked_about(cases: Sequence[dict[str, Any]]) -> list[str]:
    """Ids of users whom the real server's cases name, apart from those that a run makes up for itself."""
    texts = [json.dumps(case["steps"], ensure_ascii=False) for case in cases if case["target"] == "server"]
    return sorted({user_id for text in texts for user_id in re.findall(r'"user_id": "([^"$]+)"', text)})


def build(folder: str) -> list[str]:
    """The command that starts a client's runner, built first.

    Raises:
        RuntimeError: it cannot be built; with the end of what the build said.
    """
    done = subprocess.run(
        ["make", "-C", str(ROOT / "clients" / folder), "-s", "runner"], capture_output=True, text=True, check=False
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"make -C clients/{folder} runner failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return shlex.split(lines[-1])


def builds(languages: Sequence[Language]) -> dict[str, list[str] | str]:
    """The command of each client's runner, or why there is none; some are built at a time."""

    def one(language: Language) -> list[str] | str:
        missing = [tool for tool in language.tools if shutil.which(tool) is None]
        if missing:
            return f"not installed: {', '.join(missing)}"
        try:
            return build(language.folder)
        except RuntimeError as error:
            return str(error)

    distinct = {language.folder: language for language in languages}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return dict(zip(distinct, threads.map(one, distinct.values()), strict=True))


@contextmanager
def fault_server(folder: Path) -> Iterator[dict[str, Any]]:
    """A fault server's addresses."""
    command = [sys.executable, str(HERE / "fault_server.py"), "--certificates", str(folder)]
    with (folder / "faults.log").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the fault server did not start: {(folder / 'faults.log').read_text()}")
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(30)


def run_language(column: Column, command: list[str], cases: Path, server: str, faults: dict[str, Any]) -> None:
    """Fill the column with its runner's outcomes."""
    began = time.monotonic()
    arguments = ["conformance", "--cases", str(cases), "--server", server, "--faults", ",".join(faults["faults"])]
    arguments += ["--tls", faults["tls"], "--ca", faults["ca"], "--run", column.run]
    try:
        done = subprocess.run(
            [*command, *column.language.options, *arguments],
            capture_output=True,
            text=True,
            timeout=RUNNER_TIMEOUT_S,
            check=False,
        )
        column.outcomes = json.loads(done.stdout.strip().splitlines()[-1])["cases"]
    except subprocess.TimeoutExpired:
        column.broken = f"its runner did not end within {RUNNER_TIMEOUT_S} s"
    except (IndexError, KeyError, ValueError):
        column.broken = f"its runner printed no JSON (exit code {done.returncode}):\n{done.stderr[-3000:]}"
    column.outcomes[FIVE_CALLS["name"]] = [five_calls(column.language.folder, server)]
    column.seconds = time.monotonic() - began


def five_calls(folder: str, server: str) -> dict[str, Any]:
    """The outcome of a client's five calls: the lines that they print."""
    command = ["make", "-C", str(ROOT / "clients" / folder), "-s", "--no-print-directory", "five-calls"]
    done = subprocess.run([*command, f"ADDRESS={server}"], capture_output=True, text=True, check=False)
    return {"crash": (done.stdout + done.stderr)[-1000:]} if done.returncode else {"result": done.stdout.splitlines()}


def judge_all(cases: list[dict[str, Any]], columns: list[Column]) -> None:
    """Fill in what is wrong, case by case; cases marked ``congruent`` must have one outcome in all languages."""
    for case in cases:
        reference: tuple[str, Any] | None = None
        for column in columns:
            outcomes = column.outcomes.get(case["name"])
            if unsupported(outcomes):
                allowed = column.language.folder in case.get(ALLOWED, {})
                column.problems[case["name"]] = [] if allowed else ["the runner says unsupported; no reason is known"]
                continue
            problems = judge(case, outcomes, run=column.run)
            if case.get("congruent") and not problems:
                mine = comparable(outcomes, column.run)
                reference = reference or (column.language.name, mine)
                where = difference(reference[1], mine)
                problems = [f"differs from {reference[0]} at {where}"] if where else []
            column.problems[case["name"]] = problems


def cell(case: dict[str, Any], column: Column) -> str:
    """One field of the table."""
    if column.broken:
        return "[bold red]FAIL[/]"
    if column.problems[case["name"]]:
        return "[bold red]FAIL[/]"
    return "[yellow]unsupported[/]" if unsupported(column.outcomes.get(case["name"])) else "[green]ok[/]"


def report(cases: list[dict[str, Any]], columns: list[Column], console: Console) -> bool:
    """Print the table, and below it why; whether all is well."""
    table = Table(title="Conformance", caption_justify="left")
    table.add_column("case", no_wrap=True)
    for column in columns:
        table.add_column(column.language.name, justify="center")
    for case in cases:
        table.add_row(escape(case["name"]), *(cell(case, column) for column in columns))
    table.add_section()
    table.add_row("seconds", *(f"{column.seconds:.0f}" if not column.broken else "-" for column in columns))
    console.print(table)
    for case in cases:
        for column in columns:
            reason = case.get(ALLOWED, {}).get(column.language.folder)
            if reason and unsupported(column.outcomes.get(case["name"])):
                console.print(f"unsupported: {case['name']}: {column.language.name}: {reason}", style="yellow")
    well = True
    for column in columns:
        if column.broken:
            well = False
            console.print(f"\nFAIL {column.language.name}: nothing ran: {escape(column.broken)}", style="red")
            continue
        for name, problems in column.problems.items():
            for problem in problems:
                well = False
                console.print(f"FAIL {column.language.name}: {name}: {escape(problem)}", style="red", soft_wrap=True)
    fields = len(cases) * len(columns)
    failed = sum(len(cases) if c.broken else sum(map(bool, c.problems.values())) for c in columns)
    console.print(f"\n{len(cases)} cases, {len(columns)} columns: {fields - failed} of {fields} fields are well")
    return well


def main() -> int:
    """Run all; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--languages", help="columns, with commas between; default: all")
    parser.add_argument("--case", help="only cases with this in their name")
    parser.add_argument("--outcomes", type=Path, help="write every outcome into this file")
    given = parser.parse_args()
    chosen = given.languages.split(",") if given.languages else [language.name for language in LANGUAGES]
    languages = [language for language in LANGUAGES if language.name in chosen]
    if len(languages) != len(chosen):
        parser.error(f"languages are {', '.join(language.name for language in LANGUAGES)}")
    cases = [case for case in load_cases(HERE) if (given.case or "") in case["name"]]
    all_cases = [*cases, FIVE_CALLS] if (given.case or "") in FIVE_CALLS["name"] else cases
    console = Console(width=None if sys.stdout.isatty() else 130)
    commands = builds(languages)
    columns = [Column(language, run=f"r{uuid.uuid4().hex[:8]}") for language in languages]
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder = Path(name)
        (folder / "cases").mkdir()
        (folder / "cases" / "cases.json").write_text(json.dumps(cases), "utf-8")
        make_home(folder / "home")
        users = users_asked_about(cases)
        with fault_server(folder) as faults, ThreadPoolExecutor(AT_ONCE) as threads:

            def one(column: Column) -> None:
                command = commands[column.language.folder]
                if isinstance(command, str):
                    column.broken = command
                    return
                home = shutil.copytree(folder / "home", folder / f"home-{column.language.name}")
                with serving(home) as server:
                    warm(server, users)
                    run_language(column, command, folder / "cases", server, faults)
                print(f"{column.language.name}: done in {column.seconds:.0f} s", file=sys.stderr, flush=True)

            list(threads.map(one, columns))
    if given.outcomes:
        given.outcomes.write_text(json.dumps({c.language.name: c.outcomes for c in columns}, indent=1))
    judge_all(all_cases, columns)
    return 0 if report(all_cases, columns, console) else 1


if __name__ == "__main__":
    sys.exit(main())
