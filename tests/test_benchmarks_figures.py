"""The benchmarks' shared parts: figures, targets, the page with the results, and the measuring clients."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks import page_watching, targets
from benchmarks.fetcher import Fetcher
from benchmarks.figures import figure, in_turns, number, table, text, times
from benchmarks.results_page import BENCHMARKS_PAGE, machine, put
from benchmarks.targets import Target, targets_table
from benchmarks.visitor import PageFailed, Visitor
from benchmarks.visitor import run as run_visits


def test_a_figure_keeps_n_median_and_spread_and_a_p95_only_of_many():
    few, many = figure([3, 1, 2], "ms"), figure(range(1, 101), "ms")

    assert few == {"unit": "ms", "n": 3, "median": 2, "low": 1, "high": 3}
    assert many["p95"] == pytest.approx(95, abs=0.5)


def test_a_figure_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        figure([], "s")


def test_a_figure_is_written_with_spread_and_n():
    assert text(figure([0.01234], "s")) == "0.0123 s (n = 1)"
    assert text(figure([11.94, 12.31, 14.02], "ms")) == "12.3 ms (11.9–14.0, n = 3)"
    assert [number(value) for value in (12345, 123.4, 12.34, 1.234, 0.5, -2.5)] == ["12,345", "123", "12.3", "1.23", "0.5", "-2.50"]
    assert times(figure([30], "s"), figure([10], "s")) == 3


def test_contestants_take_turns():
    order = []

    def contestant(name):
        return lambda: order.append(name) or float(len(order))

    taken = in_turns({"a": contestant("a"), "b": contestant("b")}, rounds=2)

    assert order == ["a", "b", "a", "b"]
    assert taken == {"a": [1, 3], "b": [2, 4]}


def test_a_table_is_markdown():
    assert table(("network", "time"), [("LeNet", "1 s")]) == "| network | time |\n|---|---:|\n| LeNet | 1 s |\n"


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (Target("a", "", 4, "×", aim=6), 6.5, "met"),
        (Target("a", "", 4, "×", aim=6), 5.0, "met, short of the aim"),
        (Target("a", "", 4, "×", missed="data takes half"), 3.0, "**missed by 25.0 %**: data takes half"),
        (Target("a", "", 50, "ms", at_most=True), 50.0, "met"),
        (Target("a", "", 50, "ms", at_most=True), 60.0, "**missed by 20.0 %**"),
        (Target("a", "", 50, "ms", at_most=True), None, "not measured"),
        (Target("a", "", 50, "ms", unmeasured="no GPU"), None, "not measured: no GPU"),
    ],
)
def test_a_target_says_whether_it_is_met_and_by_how_much_it_is_missed(target, value, verdict):
    assert target.verdict(value) == verdict


def test_target_names_are_unique_and_a_value_of_no_target_is_refused():
    names = [target.name for group in targets.BY_BENCHMARK.values() for target in group]

    assert len(set(names)) == len(names)
    with pytest.raises(ValueError, match="vgg_tabel"):
        targets_table(targets.STRUCTURE, {"vgg_tabel": 1.0})


def test_put_replaces_what_stands_between_the_markers_alone(tmp_path):
    page = tmp_path / "PAGE.md"
    page.write_text("before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n", encoding="utf-8")

    put("a", "new", page)

    assert page.read_text(encoding="utf-8") == "before\n<!-- a: begin -->\n\nnew\n<!-- a: end -->\nafter\n"
    with pytest.raises(ValueError, match="b: begin"):
        put("b", "new", page)


def test_the_page_has_a_place_for_every_benchmark():
    page = BENCHMARKS_PAGE.read_text(encoding="utf-8")

    assert all(page.count(f"<!-- {name}: {mark} -->") == 1 for name in command.NAMES for mark in ("begin", "end"))


def test_the_page_says_what_the_records_say():
    page = BENCHMARKS_PAGE.read_text(encoding="utf-8")

    for name in command.NAMES:
        shown = page.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]
        assert shown.strip() == command.section(name, command.records(name)).strip(), f"run python -m benchmarks {name} --render"


def test_a_record_and_its_variants_are_kept_beside_each_other(tmp_path):
    command.write("training", {"variant": "cpu", "took": 1}, tmp_path)
    command.write("training", {"variant": "cuda", "took": 2}, tmp_path)
    command.write("start", {"took": 3}, tmp_path)

    assert [one["took"] for one in command.records("training", tmp_path)] == [1, 2]
    assert [one["took"] for one in command.records("start", tmp_path)] == [3]


def test_the_machine_is_plain_text():
    assert all(isinstance(value, str) for value in machine().values())
    assert json.dumps(machine())


def test_an_unknown_benchmark_is_refused_in_words():
    answer = CliRunner().invoke(command.app, ["pages"])

    assert answer.exit_code == 2
    assert "pages" in answer.output
    assert answer.exception is None or isinstance(answer.exception, SystemExit)


def test_what_the_training_loses_is_found_against_the_windows_around_it():
    before, after = {"epoch": 1.0}, {"epoch": 3.0}  # the machine became slower: on average 2/3 of an epoch a second

    assert page_watching.lost(before, {"epoch": 1.5}, after) == pytest.approx(0)
    assert page_watching.lost(before, {"epoch": 1.9}, after) == pytest.approx(100 * (1 - 1.5 / 1.9))


def test_windows_in_which_the_host_took_the_processors_away_do_not_count():
    quiet, busy = {"stolen": 0.01}, {"stolen": 0.3}

    assert page_watching.calm([(quiet, quiet, quiet), (quiet, busy, quiet), (busy, quiet, quiet)]) == [(quiet, quiet, quiet)]
    assert page_watching.calm([(quiet, quiet, busy)]) == [(quiet, quiet, busy)]  # better than nothing


def test_memory_is_extrapolated_along_a_line_that_says_how_sure_it_is():
    slope, error = page_watching._line([(0, 100.0), (100, 101.0), (200, 102.0), (300, 103.0)])
    unsure = page_watching._line([(0, 100.0), (100, 103.0), (200, 99.0), (300, 104.0)])

    assert (slope, error) == (pytest.approx(0.01), pytest.approx(0, abs=1e-9))
    assert unsure[1] > abs(unsure[0])
    assert page_watching._line([(0, 100.0), (1, 101.0)]) == (0.0, float("inf"))


class _Socket:
    """A server that answers every request with the same messages."""

    def __init__(self, *messages: ForwardMsg) -> None:
        self.messages = list(messages)
        self.sent: list[bytes] = []
        self._left: list[ForwardMsg] = []

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        self._left = list(self.messages)

    async def recv(self) -> bytes:
        return self._left.pop(0).SerializeToString()


def _finished(status: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    return ForwardMsg(script_finished=status)


def test_a_visitor_counts_what_came_and_notes_the_fragments_that_run_by_themselves():
    rerun = ForwardMsg()
    rerun.auto_rerun.fragment_id, rerun.auto_rerun.interval = "abc", 1.0
    socket = _Socket(ForwardMsg(), _finished(ForwardMsg.FINISHED_EARLY_FOR_RERUN), rerun, _finished())
    tab = Visitor(socket, Fetcher("http://localhost:1"), "train", "run=1")

    answer = run_visits(tab.load())

    assert answer.messages == 4
    assert answer.bytes == sum(len(message.SerializeToString()) for message in socket.messages)
    assert tab.fragments == {"abc": 1.0}


class _Fetched:
    """A feed that answers with this progress of a run."""

    def __init__(self, status: int = 200, **live: Any) -> None:
        self.answer = status, gzip.compress(json.dumps({"live": live | {"poll_every": 1.0}}).encode()), 300

    async def get(self, path: str) -> tuple[int, bytes, int]:
        assert path == "news/a"
        return self.answer


@pytest.mark.parametrize(
    ("polled", "drawn"),
    [
        ({"page_revision": 1, "table_revision": 2, "redraw_every": 0.0}, False),
        ({"page_revision": 1, "table_revision": 3, "redraw_every": 0.0}, True),
        ({"page_revision": 1, "table_revision": 3, "redraw_every": 60.0}, False),  # many browsers watch
        ({"page_revision": 4, "table_revision": 2, "redraw_every": 60.0}, True),
        ({"status": 404, "page_revision": 1, "table_revision": 2, "redraw_every": 0.0}, True),
    ],
)
def test_a_visitor_fetches_the_news_of_a_run_and_knows_when_a_browser_would_draw_more(polled, drawn):
    shows = ForwardMsg()
    shows.delta.fragment_id = "abc"
    live = {"page_revision": 1, "table_revision": 2, "redraw_every": 0.0, "feed": "news/a"}
    shows.delta.new_element.bidi_component.bytes = json.dumps({"charts": [], "live": live}).encode()
    tab = Visitor(_Socket(shows, _finished()), _Fetched(**polled), "train", "run=1")
    run_visits(tab.load())

    answer, more = run_visits(tab.look())

    assert (answer.bytes, more, tab.live_fragment) == (300, drawn, "abc")


def test_a_visitor_that_rested_asks_for_no_more_than_one_that_looked_on():
    shows = ForwardMsg()
    live = {"page_revision": 1, "table_revision": 2, "redraw_every": 60.0, "feed": "news/a"}
    shows.delta.new_element.bidi_component.bytes = json.dumps({"charts": [], "live": live}).encode()
    tab = Visitor(_Socket(shows, _finished()), _Fetched(page_revision=1, table_revision=3, redraw_every=60.0), "train", "run=1")
    run_visits(tab.load())

    tab._drew -= 90
    assert run_visits(tab.look())[1]
    tab.rested(60)
    assert not run_visits(tab.look())[1]


def test_a_page_that_fails_is_not_timed():
    broken = ForwardMsg()
    broken.delta.new_element.exception.type = "ValueError"
    tab = Visitor(_Socket(broken, _finished()), Fetcher("http://localhost:1"), "", "")

    with pytest.raises(PageFailed, match="ValueError"):
        run_visits(tab.load())
