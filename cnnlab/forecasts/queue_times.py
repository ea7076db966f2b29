"""When each waiting run begins: from what is left of the runs before it, in the order in which the dispatcher takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from cnnlab.runs.fairness import in_turn
from cnnlab.runs.records import ActiveRun, may_take_the_same

_MOST_STEPS = 2_000  # of the simulation; a hundred runs in slices of minutes take fewer


@dataclass(frozen=True, slots=True)
class Start:
    """A waiting run's place, 1 for the next, among those that may take the same device, and about when it begins."""

    place: int  # 0 where its owner's minutes are used up
    at: float | None  # seconds since 1970; None there, and where a run before it has no forecast


@dataclass(frozen=True, slots=True)
class House:
    """What a lab has room for."""

    runs_at_a_time: Callable[[str], int]  # on a device
    devices: Collection[str] = ()  # that the limits name
    slice_seconds: float | None = None
    parallel: Callable[[str], int | None] = lambda owner: None  # runs of an owner that train at a time; None for all
    account: Callable[[str], str | None] = lambda owner: owner  # as whose an owner's runs count


def starts(
    active: Sequence[ActiveRun], turns: Mapping[str, float], now: float, left: Callable[[ActiveRun], float | None], house: House
) -> dict[str, Start]:
    """By id, of the waiting runs among `active`, which are in the order of the queue. Leave out those that may not begin today.

    `left` is how many seconds a run still trains, None where nobody knows. A run that trains on a device counts there, and other
    devices are known by being chosen or named.
    """
    queued, going = [run for run in active if run.waits], [run for run in active if not run.waits]
    by_id = {run.id: run for run in queued}
    order = [by_id[run_id] for run_id in in_turn(queued, going, turns)]
    begun = _simulated(order, going, now, left, house)
    found, before = {}, Counter[str]()
    for run in order:
        choice = run.config.device
        place = 1 + sum(count for other, count in before.items() if may_take_the_same(choice, other))
        before[choice] += 1
        found[run.id] = Start(place, begun.get(run.id))
    return found


def _simulated(
    order: Iterable[ActiveRun], going: Sequence[ActiveRun], now: float, left: Callable[[ActiveRun], float | None], house: House
) -> dict[str, float]:
    """When each run of `order` begins, as far as that is known."""
    pending = [(run, left(run)) for run in order]
    pool = _pool([run for run, _ in pending], going, house.devices)
    choices = {run.config.device: _choices(run.config.device, pool) for run in [*going, *(run for run, _ in pending)]}
    free = Counter({device: max(1, house.runs_at_a_time(device)) for device in pool})
    counts: Counter[str | None] = Counter()
    training: list[tuple[float, ActiveRun, str, float | None]] = []  # until when, on which device, and what is left then
    begun: dict[str, float] = {}

    def begin(run: ActiveRun, device: str, seconds: float | None) -> None:
        free[device] -= 1
        counts[house.account(run.owner)] += 1
        rest, until = 0.0, inf if seconds is None else now + seconds
        too_long = house.slice_seconds is not None and until > now + house.slice_seconds
        if too_long and any(other.owner != run.owner and device in choices[other.config.device] for other, _ in pending):
            rest, until = None if seconds is None else seconds - house.slice_seconds, now + house.slice_seconds
        training.append((until, run, device, rest))

    for run in going:
        begin(run, run.device or choices[run.config.device][0], left(run))
    for _ in range(_MOST_STEPS):
        for place, (run, seconds) in enumerate(pending):
            device = next((each for each in choices[run.config.device] if free[each] > 0), "")
            most = house.parallel(run.owner)
            if device and (most is None or counts[house.account(run.owner)] < most):
                del pending[place]
                begun.setdefault(run.id, now)
                begin(run, device, seconds)
                break
        else:
            ended = min(training, key=lambda each: each[0], default=None)
            if not pending or ended is None or ended[0] == inf:
                break
            training.remove(ended)
            now, run, device, rest = ended
            free[device] += 1
            counts[house.account(run.owner)] -= 1
            if rest != 0:
                pending.append((run, rest))
    return begun


def _pool(queued: Iterable[ActiveRun], going: Iterable[ActiveRun], named: Collection[str]) -> tuple[str, ...]:
    chosen = [run.config.device for run in queued if run.config.device not in ("auto", "cuda")]
    return tuple(dict.fromkeys([*(run.device for run in going if run.device), *named, *chosen])) or ("cpu",)


def _choices(choice: str, pool: Sequence[str]) -> list[str]:
    """The devices of the pool that a run with this choice may take; on automatic a GPU where there is one."""
    if choice in pool:
        return [choice]
    gpus = [device for device in pool if device.startswith("cuda") or device == "mps"]
    if choice == "cuda":
        return [device for device in gpus if device != "mps"] or list(pool)
    return gpus or list(pool)
