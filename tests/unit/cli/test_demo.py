import signal
from types import SimpleNamespace

import psutil
import pytest

from firstlight.cli.demo.films import Film, Films
from firstlight.cli.demo.prepare import prepare
from firstlight.cli.demo.server import running_server
from firstlight.cli.output import console
from firstlight.client import Client
from firstlight.client.values import pack_all
from firstlight.errors import PreconditionError, UnavailableError
from firstlight.settings import init_home
from firstlight.v1.item_pb2 import Item
from firstlight.v1.recommendation_pb2 import Reason, Recommendation, RecommendedItem


def servers() -> set[int]:
    """The processes that this one started and that still run."""
    return {p.pid for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE}


def test_the_server_answers_inside_the_block_and_is_gone_after_it(tmp_path):
    home = init_home(tmp_path / "home").home
    before = servers()
    with running_server(home) as address, Client.connect(address) as client:
        assert [plugin.name for plugin in client.list_plugins()]
        assert servers() - before
    assert servers() == before


@pytest.fixture
def heard():
    """Ctrl-C is, also where these tests are a job in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_control_c_leaves_no_server_behind(tmp_path):
    home = init_home(tmp_path / "home").home
    before = servers()

    def interrupted():
        with running_server(home):
            signal.raise_signal(signal.SIGINT)  # to this thread: sent to the process, any may get it

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert servers() == before


def test_a_server_that_does_not_start_says_why_and_where_its_log_is(tmp_path):
    (tmp_path / "logs").mkdir()
    problem = r"is not a Firstlight home.*log: .*demo-server\.log"
    with pytest.raises(UnavailableError, match=problem), running_server(tmp_path):
        pass


def test_a_directory_in_use_for_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(PreconditionError, match="is not a home of the demo"):
        prepare(console(), tmp_path, "default")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


ITEMS = {
    "1": {"title": "Godfather, The", "year": 1972.0, "genres": ("Crime", "Drama")},
    "2": {"title": "Alien", "genres": "Horror|Sci-Fi"},
    "3": {},
}


@pytest.fixture
def films():
    messages = [Item(item_id=key, attributes=pack_all(attributes)) for key, attributes in ITEMS.items()]
    return Films(SimpleNamespace(list_items=lambda **_: messages))


def test_a_film_is_shown_with_its_article_first_and_its_year(films):
    assert films["1"] == Film("The Godfather", "1972", "Crime, Drama")
    assert films["1"].name == "The Godfather (1972)"
    assert films["2"] == Film("Alien", "", "Horror, Sci-Fi")
    assert films["3"].name == "3"
    assert films["unknown"].name == "unknown"


@pytest.mark.parametrize("columns", [100, 80])
def test_a_reason_is_shown_whole_and_titles_give_way(films, columns, capsys):
    why = "popular with occupation student"
    answer = Recommendation(items=[RecommendedItem(item_id="1", score=-0.5, source="popularity", reason_text=why)])
    out = console()
    out.width = columns
    films.show(out, answer)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].rstrip().endswith(why)
    assert max(map(len, lines)) <= columns


def test_a_list_shows_how_films_moved_and_titles_in_reasons(films, capsys):
    reason = Reason(code=Reason.CODE_SIMILAR_TO_HISTORY, history_item_id="1")
    answer = Recommendation(
        items=[
            RecommendedItem(item_id="2", score=1.5, source="sequence", reason=reason, reason_text="similar to 1"),
            RecommendedItem(item_id="1", score=0.5, source="popularity", reason_text="popular with everybody"),
            RecommendedItem(item_id="3", score=-1, source="popularity"),
        ]
    )
    films.show(console(), answer, before=["1", "2"])
    _, first, second, third = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert first.startswith("↑1 1 Alien")
    assert first.endswith("similar to The Godfather")
    assert second.startswith("↓1 2 The Godfather (1972)")
    assert third.startswith("new 3 3")
