"""Whose run starts next: round-robin between owners, so that one person's twenty runs do not block the others."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class Owned(Protocol):
    """What is asked of a run here."""

    @property
    def id(self) -> str: ...
    @property
    def owner(self) -> str: ...


def next_run(queued: Sequence[Owned], running: Iterable[Owned], last_started_by_owner: Mapping[str, float]) -> str | None:
    """The id of the run to start, or None where nothing waits.

    `queued` are the runs that could start now, in the order of the queue; an owner's own runs keep that order.
    `last_started_by_owner` says when each owner's turn was last, as a number that grows with each start. Take a count, not the
    clock: a clock that is set back would give an owner turn after turn.

    The owner whose turn is longest ago comes next; so while an owner waits, each other one starts at most one run.
    """
    turns = _turns(running, last_started_by_owner)
    chosen = min(queued, key=lambda run: turns.get(run.owner, float("-inf")), default=None)  # the first of equals
    return None if chosen is None else chosen.id


def in_turn(queued: Sequence[Owned], running: Iterable[Owned], last_started_by_owner: Mapping[str, float]) -> tuple[str, ...]:
    """The ids of all that wait, in the order in which `next_run` would start them."""
    turns = _turns(running, last_started_by_owner)
    waiting: dict[str, list[tuple[int, str]]] = {}
    for position, run in enumerate(queued):
        waiting.setdefault(run.owner, []).append((position, run.id))
    # Each owner's next run; hundreds of runs may wait, and pages ask for this order again and again.
    heads = [(turns.get(owner, float("-inf")), runs[0][0], owner, 0) for owner, runs in waiting.items()]
    heapq.heapify(heads)
    turn, order = max(turns.values(), default=0.0), []
    while heads:
        _, _, owner, number = heads[0]
        order.append(waiting[owner][number][1])
        turn += 1
        if number + 1 < len(waiting[owner]):
            heapq.heapreplace(heads, (turn, waiting[owner][number + 1][0], owner, number + 1))
        else:
            heapq.heappop(heads)
    return tuple(order)


def _turns(running: Iterable[Owned], last_started_by_owner: Mapping[str, float]) -> dict[str, float]:
    # Whoever has a run going but no known turn, as after a restart, has just had one. New owners have none and come first.
    just_now = max(last_started_by_owner.values(), default=0.0)
    return {run.owner: just_now for run in running} | dict(last_started_by_owner)
