from dataclasses import dataclass, replace

from firstlight.learning import walk

LADDERS = {"ridge": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0), "recency": (0.0, 0.2, 0.4, 0.8, 1.6)}
STEPS = {"prior": (1.0, 3.0, 10.0, 30.0)}


@dataclass(frozen=True)
class Choice:
    ridge: float = 1.0
    recency: float = 0.4


@dataclass(frozen=True)
class Prior:
    prior: float


def never() -> bool:
    return False


def test_the_walk_goes_up_and_down_to_the_best() -> None:
    right = replace(Choice(), ridge=10.0, recency=0.0)

    def quality(choice: Choice) -> float:
        return 1 / (1 + abs(choice.ridge - right.ridge) + abs(choice.recency - right.recency))

    best, found = walk(Choice(), LADDERS, ("ridge", "recency"), quality, stop=never)
    assert (best, found) == (right, 1.0)


def test_noise_moves_nothing() -> None:
    asked = []

    def quality(choice: Choice) -> float:
        asked.append(choice)
        return 0.3 + 0.001 * (choice != Choice())

    assert walk(Choice(), LADDERS, tuple(LADDERS), quality, stop=never)[0] == Choice()
    assert len(asked) == len(set(asked))


def test_out_of_time_asks_once() -> None:
    asked = []
    best, _ = walk(Choice(), LADDERS, tuple(LADDERS), lambda choice: asked.append(choice) or 0.5, stop=lambda: True)
    assert best == Choice()
    assert len(asked) == 1


def test_a_walk_goes_up_its_ladder_and_stops() -> None:
    found, quality = walk(Prior(3.0), STEPS, ("prior",), lambda choice: choice.prior, stop=lambda: False)
    assert (found.prior, quality) == (30.0, 30.0)
    found, quality = walk(
        Prior(30.0), STEPS, ("prior",), lambda choice: 1 / (1 + abs(choice.prior - 3)), stop=lambda: False
    )
    assert (found.prior, quality) == (3.0, 1.0)
    assert walk(Prior(3.0), STEPS, ("prior",), lambda choice: choice.prior, stop=lambda: True)[0].prior == 3.0
