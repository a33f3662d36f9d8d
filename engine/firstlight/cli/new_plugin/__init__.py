"""``firstlight plugins new``: a complete distribution with one component that works, from the templates beside this."""

from __future__ import annotations

import importlib.util
import re
import shutil
from importlib.resources import files
from pathlib import Path
from string import Template

from firstlight.errors import InvalidInputError, Violation

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_TRAINED = "`firstlight train` fits it with everything else; its share of a list is in `Recommend`'s sources."
_USES = {
    "candidate_generator": _TRAINED,
    "cold_start_strategy": _TRAINED,
    "ranker": 'Set `ranker = "$name"` in `firstlight.toml`, then `firstlight train`.',
    "reranker": "The next `firstlight serve` applies it.",
    "candidate_filter": "The next `firstlight serve` applies it.",
    "feature_encoder": "The next `firstlight train` adds its columns.",
    "metric": "`firstlight evaluate` reports it.",
    "dataset_reader": "`firstlight import --interactions ratings.kv` reads its files.",
    "cli_command": "`firstlight $name --help` says what it does.",
}


def write_plugin(name: str, role: str, directory: Path) -> Path:
    """Write the distribution ``name`` into the new folder ``directory/name``; that folder.

    Raises:
        InvalidInputError: the name cannot be used, or the folder is there. Nothing was written.
    """
    package = name.replace("-", "_")
    _check(name, package, directory / name)
    class_name = "".join(part.capitalize() for part in name.split("-"))
    values = {
        "name": name,
        "package": package,
        "function": package,
        "class_name": package if role == "cli_command" else class_name,
        "test_name": class_name,
        "component": f"staticmethod({package})" if role == "cli_command" else class_name,
        "contract": "".join(part.capitalize() for part in role.split("_")) + "Contract",
        "words": "command" if role == "cli_command" else role.replace("_", " ").replace("cold start", "cold-start"),
    }
    values["use"] = Template(_USES[role]).substitute(values)
    written = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{package}/__init__.py": f"{role}.py",
        f"tests/test_{package}.py": f"test_{role}.py" if _exists(f"test_{role}.py") else "test.py",
    }
    texts = {path: _template(source).substitute(values) for path, source in written.items()}
    folder = directory / name
    try:
        for path, text in {**texts, f"{package}/py.typed": ""}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, "utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InvalidInputError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def _exists(name: str) -> bool:
    return files(__name__).joinpath(f"{name}.txt").is_file()


def _template(name: str) -> Template:
    return Template(files(__name__).joinpath(f"{name}.txt").read_text("utf-8"))


def _check(name: str, package: str, folder: Path) -> None:
    problem = ""
    if not NAME.fullmatch(name) or len(name) > 64:
        problem = "must be words of a-z and 0-9, joined by -, at most 64 characters"
    elif importlib.util.find_spec(package) is not None:
        problem = f"is taken: there is a Python package {package!r}"
    elif folder.exists():
        problem = f"is taken: {folder} exists"
    if problem:
        raise InvalidInputError(f"the name {name!r} {problem}", violations=[Violation("name", problem)])
