"""Which run starts next: owners take turns, each owner's runs keep their order, and no owner waits longer than one round."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab.runs.fairness import in_turn, next_run


@dataclass(frozen=True)
class Waiting:
    id: str
    owner: str


def runs(text: str) -> list[Waiting]:
    """'a1 a2 b1': owner a's two runs, then one of b's."""
    return [Waiting(name, name[0]) for name in text.split()]


@pytest.mark.parametrize(
    ("queued", "running", "turns", "expected"),
    [
        ("", "", {}, None),
        ("a1 a2 b1", "", {}, "a1"),
        ("a2 b1", "a1", {"a": 1}, "b1"),
        ("a2 a3 b1 c1", "", {"a": 2, "b": 1}, "c1"),
        ("a2 a3 b1", "", {"a": 2, "b": 1}, "b1"),
        ("a2 a3", "a1", {"a": 7}, "a2"),
        ("a2 b1", "a1", {}, "b1"),  # no turn of a is recorded, but its run is in progress
        ("a3 a1", "", {"a": 1, "b": 2}, "a3"),  # moved up by its owner
    ],
)
def test_the_owner_whose_turn_is_longest_ago_comes_next(queued, running, turns, expected):
    assert next_run(runs(queued), runs(running), turns) == expected


def test_twenty_runs_of_one_person_do_not_block_the_others():
    queued = [*(Waiting(f"a{n}", "a") for n in range(20)), *runs("b1 c1 b2")]
    assert in_turn(queued, (), {})[:6] == ("a0", "b1", "c1", "a1", "b2", "a2")


def one_after_the_other(queued: list[Waiting], turns: dict[str, float]) -> tuple[str, ...]:
    left, turns, order = list(queued), dict(turns), []
    while (run_id := next_run(left, (), turns)) is not None:
        started = next(run for run in left if run.id == run_id)
        left.remove(started)
        turns[started.owner] = max(turns.values(), default=0) + 1
        order.append(run_id)
    return tuple(order)


@given(st.lists(st.sampled_from("abcdef"), max_size=40), st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9)))
def test_all_start_once_each_owners_in_its_own_order(owners, turns):
    queued = [Waiting(f"{owner}{number}", owner) for number, owner in enumerate(owners)]
    order = in_turn(queued, (), turns)
    assert order == one_after_the_other(queued, turns)
    assert sorted(order) == sorted(run.id for run in queued)
    for owner in set(owners):
        assert [run_id for run_id in order if run_id[0] == owner] == [run.id for run in queued if run.owner == owner]


# One step: a new run of an owner arrives, or a device becomes free.
steps = st.lists(st.one_of(st.sampled_from("abcdef"), st.just("free")), max_size=120)


@given(steps)
def test_nobody_waits_longer_than_one_round(steps):
    queued: list[Waiting] = []
    turns: dict[str, float] = {}
    overtaken: dict[str, list[str]] = {}  # owners whose runs started while this owner waited, since its last turn
    for number, step in enumerate(steps):
        if step != "free":
            queued.append(Waiting(f"{step}{number}", step))
            overtaken.setdefault(step, [])
            continue
        run_id = next_run(queued, (), turns)
        assert (run_id is None) == (not queued)
        if run_id is None:
            continue
        started = next(run for run in queued if run.id == run_id)
        queued.remove(started)
        turns[started.owner] = number
        overtaken.pop(started.owner)
        for owner, others in overtaken.items():
            others.append(started.owner)
            assert len(set(others)) == len(others), f"{owner} waited while one owner started twice"
        if any(run.owner == started.owner for run in queued):
            overtaken[started.owner] = []
