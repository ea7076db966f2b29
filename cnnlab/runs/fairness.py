"""Which run starts next: round-robin between owners, so that one person's twenty runs do not block the others."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from cnnlab.runs.records import ActiveRun


def next_run(queued: Sequence[ActiveRun], running: Iterable[ActiveRun], last_turns: Mapping[str, float]) -> str | None:
    """The id of the run to start, or None where no run waits.

    `queued` are the runs that could start now, in the order of the queue; runs of one owner keep that order.
    `last_turns` is each owner's last turn as a count of starts, because a clock can be set back.

    The owner with the oldest turn comes next, so while an owner waits, every other owner starts at most one run.
    """
    turns = _turns(running, last_turns)
    chosen = min(queued, key=lambda run: turns.get(run.owner, float("-inf")), default=None)  # the first of equals
    return None if chosen is None else chosen.id


def in_turn(queued: Sequence[ActiveRun], running: Iterable[ActiveRun], last_turns: Mapping[str, float]) -> tuple[str, ...]:
    """The ids of all queued runs, in the order in which `next_run` would start them."""
    turns = _turns(running, last_turns)
    waiting: dict[str, list[tuple[int, str]]] = {}
    for position, run in enumerate(queued):
        waiting.setdefault(run.owner, []).append((position, run.id))
    # A heap of each owner's next run: hundreds of runs may wait, and pages ask for this order at every poll.
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


def _turns(running: Iterable[ActiveRun], last_turns: Mapping[str, float]) -> dict[str, float]:
    # An owner with a run in progress but no recorded turn has just had one. New owners have no turn and come first.
    just_now = max(last_turns.values(), default=0.0)
    return {run.owner: just_now for run in running} | dict(last_turns)
