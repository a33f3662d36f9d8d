"""Clients stay small: how many lines of each are written by hand and say something."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMENTS = re.compile(r"/\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)
IMPORTS = {
    "go": r"^package \w+$|^import \(.*?^\)",
    "ts": r"^import .*?;$",
    "java": r"^(?:package|import) .*?;$",
    "rs": r"^(?:pub )?use .*?;$",
}
CLIENTS = {
    "Go": ("clients/go/*.go", 300),
    "TypeScript": ("clients/typescript/src/*.ts", 300),
    "Java": ("clients/java/src/main/java/dev/firstlight/client/*.java", 300),
    "Rust": ("clients/rust/src/*.rs", 500),  # does itself what gRPC's libraries do for the others
}


def lines_of_code(text, kind):
    """Those that are not blank, comments, imports or brackets alone."""
    text = re.sub(IMPORTS[kind], "", COMMENTS.sub("", text), flags=re.DOTALL | re.MULTILINE)
    return [line for line in text.splitlines() if re.search(r"[^\s()\[\]{};,]", line)]


@pytest.mark.parametrize("language", CLIENTS)
def test_a_client_is_small_and_as_large_as_the_page_says(language):
    pattern, most = CLIENTS[language]
    files = [file for file in ROOT.glob(pattern) if not file.name.endswith("_test.go")]
    texts = [(file.suffix[1:], file.read_text("utf-8")) for file in files]
    count = sum(len(lines_of_code(text, kind)) for kind, text in texts if not text.startswith("// Generated"))
    assert most / 3 < count <= most
    (row,) = re.findall(r"^\| size \| (.*) \|$", (ROOT / "docs/clients.md").read_text("utf-8"), re.MULTILINE)
    assert f"{language} {count}" in row


def test_what_counts_as_a_line_of_code():
    text = 'package a\n\nimport (\n\t"b"\n)\n\n// c\nfunc d() { // e\n\treturn\n}\n/* f\n g */\n})\n'
    assert lines_of_code(text, "go") == ["func d() { // e", "\treturn"]
    assert lines_of_code('import {\n  a,\n} from "b";\nexport const c = 1;\n', "ts") == ["export const c = 1;"]
