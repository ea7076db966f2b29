"""Presses random buttons. A separate module, so that a process that presses loads no torch."""

import random

from cnnlab.errors import RunStateError
from cnnlab.runs.records import TRANSITIONS, State
from cnnlab.runs.store import Store


def press(home, seed, count):
    """Stops, pauses, resumes, extends, and between them does what processes do; refusals are ignored."""
    store, chance = Store(home), random.Random(seed)  # noqa: S311  # no secret
    runs = [run.id for run in store.runs()]
    for _ in range(count):
        run_id = chance.choice(runs)
        press_one = chance.choice([store.stop, store.pause, store.resume, lambda run_id: store.extend(run_id, 1), None, None, None])
        try:
            if press_one is None:
                step(store, run_id, chance)
            else:
                press_one(run_id)
        except RunStateError:
            continue
    store.close()


def step(store, run_id, chance):
    """The part of the processes: a move that the table allows from where the run seems to be."""
    moves = sorted(TRANSITIONS[store.run(run_id).state] - {State.QUEUED})
    if moves:
        store.transition(run_id, chance.choice(moves))
