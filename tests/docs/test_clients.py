"""The clients' pages show code that is compiled and run: parts of example files, to the letter."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/clients.md"
FILES = {
    "python": "clients/python/examples/five_calls.py",
    "go": "clients/go/example/fivecalls/main.go",
    "ts": "clients/typescript/example/five-calls.ts",
    "java": "clients/java/src/test/java/dev/firstlight/client/FiveCalls.java",
    "rust": "clients/rust/examples/five_calls.rs",
}
READMES = {
    "python": "clients/python/examples/recommend.py",
    "go": "clients/go/example/main.go",
    "typescript": "clients/typescript/example/recommend.ts",
    "java": "clients/java/src/test/java/dev/firstlight/client/Example.java",
    "rust": "clients/rust/examples/quickstart.rs",
}


def code(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def calls(language: str) -> list[str]:
    """The five parts of an example file, each after a comment with its number."""
    text = (ROOT / FILES[language]).read_text("utf-8")
    parts = re.split(r"^[ \t]*(?://|#) (?:\d\. .*|end)\n", text, flags=re.MULTILINE)
    assert len(parts) == 7
    return [dedent(part).strip() for part in parts[1:6]]


@pytest.mark.parametrize("language", FILES)
def test_the_five_calls_are_those_of_the_example(language):
    shown = [block.strip() for kind, block in code(PAGE.read_text("utf-8")) if kind == language]
    assert shown == calls(language)


def test_the_five_calls_have_the_same_five_languages_in_each_section():
    sections = re.split(r"^## \d\. ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert len(sections) == 5
    assert [[kind for kind, _ in code(section)] for section in sections] == [list(FILES)] * 5


@pytest.mark.parametrize("language", READMES)
def test_a_readme_shows_its_example_whole(language):
    readme = (ROOT / "clients" / language / "README.md").read_text("utf-8")
    example = (ROOT / READMES[language]).read_text("utf-8").strip()
    assert example in [block.strip() for _, block in code(readme)]


def test_the_five_calls_run_in_conformance():
    for client in READMES:
        assert re.search(r"^five-calls:", (ROOT / f"clients/{client}/Makefile").read_text(), flags=re.MULTILINE)
