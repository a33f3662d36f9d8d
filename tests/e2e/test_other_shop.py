"""The whole path on data that looks nothing like MovieLens: string ids, no times, other attributes, a type."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PALETTES = {"warm": ["red", "orange"], "cold": ["blue", "green"]}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def firstlight(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "firstlight.cli", *arguments, "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=240,
        env=ENVIRONMENT,
        check=False,
    )


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 shoppers with a taste in colour that their country tells, 40 garments, no ratings and no times."""
    folder = tmp_path_factory.mktemp("shop")
    random = np.random.default_rng(3)
    tastes = list(PALETTES)
    garments = [
        {"item_id": f"garment-{n:02}", "colour": random.choice(PALETTES[tastes[n % 2]]), "price_eur": 10 + n}
        for n in range(40)
    ]
    shoppers = [{"user_id": f"ünïque/{n}", "country": ["ES", "NO"][n % 2]} for n in range(60)]
    bought = [
        {"user_id": shopper["user_id"], "item_id": garments[g]["item_id"], "type": "buy"}
        for n, shopper in enumerate(shoppers)
        for g in random.choice(np.arange(n % 2, 40, 2), 12, replace=False)
    ]
    write(folder / "interactions.csv", bought)
    write(folder / "items.csv", garments)
    write(folder / "users.csv", shoppers)
    return folder


@pytest.mark.slow
def test_import_train_and_recommend(shop: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    files = [f"--{name}={shop / f'{name}.csv'}" for name in ("interactions", "items", "users")]
    for command in (["init"], ["import", *files], ["train"]):
        done = firstlight(home, *command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    questions = [
        {"query_id": "spaniard", "profile": {"country": "ES"}},
        {"query_id": "norwegian", "profile": {"country": "NO"}},
        {"query_id": "known", "user_id": "ünïque/0"},
        {"query_id": "nobody"},
    ]
    asked = tmp_path / "queries.jsonl"
    asked.write_text("".join(json.dumps(q) + "\n" for q in questions), encoding="utf-8")
    answered = tmp_path / "answers.jsonl"
    done = firstlight(home, "recommend", "--queries", str(asked), "--limit", "8", "--out", str(answered))
    assert done.returncode == 0, done.stderr
    answers = {row["query_id"]: row for row in map(json.loads, answered.read_text(encoding="utf-8").splitlines())}

    def share_of_even(name: str) -> float:
        items = [row["item_id"] for row in answers[name]["items"]]
        assert len(items) == len(set(items)) == 8
        return float(np.mean([int(i.removeprefix("garment-")) % 2 == 0 for i in items]))

    assert share_of_even("spaniard") > 0.8, "a new user's country tells the taste"
    assert share_of_even("norwegian") < 0.2
    assert share_of_even("known") == 1.0
    assert answers["nobody"]["scenario"] == "NEW_USER"
