"""Which devices a queued run may take now: what its choice allows, what the lab may use, how many runs each takes, free memory."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from cnnlab.config import RunConfig
from cnnlab.elsewhere import is_elsewhere
from cnnlab.errors import CNNLabError
from cnnlab.forecasts import forecaster
from cnnlab.forecasts.limits import Limits
from cnnlab.forecasts.limits_file import Rules, rules
from cnnlab.i18n import N_, say
from cnnlab.runs.records import ActiveRun
from cnnlab.system import gpus, memory, processes
from cnnlab.text import size_text
from cnnlab.training import costs
from cnnlab.workers.beyond import Slots

DEVICES_SECONDS = 60.0  # during which the devices for a choice are remembered
MEMORY_SECONDS = 5.0  # between two looks at a device's memory, and for a run that has begun to take its own
LIMITS_SECONDS = 2.0  # between two looks at the file of limits

WAITS = N_("It waits for memory.")  # before the reason
SETTLES = N_("A run has begun there a moment ago, and takes its memory now.")

Ask = Callable[..., str | None]  # runs a function in a child and returns what it sends; None where the child died


class Placing:
    """Answers for the dispatcher, which asks at every turn while runs wait; remembers what takes a process to find out.

    `ask` runs one of the functions below in a child, because neither CUDA nor the driver survives a fork of the process that
    started them.
    """

    def __init__(self, home: Path, ask: Ask) -> None:
        self._home, self._ask = home, ask
        self._candidates: dict[str, tuple[tuple[str, ...], float]] = {}  # for each choice, and until when it is used
        self._quicker: dict[str, tuple[str, ...]] = {}  # for each run
        self._needs: dict[tuple[str, str], dict[str, Any]] = {}  # for each run and device
        self._obstacles: dict[tuple[str, str], tuple[str, float]] = {}  # the same, and until when each counts
        self._settles: dict[str, float] = {}  # until when the last run that began on a device takes its memory
        self._rules, self._rules_until = Rules(), 0.0
        self._beyond = Slots(home)

    def candidates(self, choice: str) -> tuple[str, ...]:
        """The devices on which a run with this choice may train, best first; the choice itself where there are none.

        Then the runner fails, with a message in its run. Limits are checked when a run is queued, so one whose device was
        forbidden since is trained all the same.
        """
        if is_elsewhere(choice):
            return (choice,)
        found = self._found(choice)
        return self._allowed().allowed(found) or found

    def candidates_of(self, run: ActiveRun) -> tuple[str, ...]:
        """As `candidates`; between Apple's GPU and the CPU "auto" takes the one that trains this network faster here.

        Small networks are often faster on the CPU. Both are timed for seconds, once for each network, and remembered in the home.
        """
        found = self.candidates(run.config.device)
        if run.config.device != "auto" or "mps" not in found or not self._allowed().allowed(["cpu"]):
            return found
        if run.id not in self._quicker:
            answer = self._ask(send_quicker, self._home, run.config)
            self._quicker[run.id] = (answer,) if answer else found
        return self._quicker[run.id]

    def runs_at_a_time(self, device: str) -> int:
        if is_elsewhere(device):
            return self._beyond.slots(device)
        return max(1, self._allowed().runs_at_a_time(device))

    def fit_side_by_side(self, runs: Sequence[ActiveRun]) -> bool:
        """Whether the CPU takes these runs at the same time, where the limits name no devices: two of small steps.

        Each trains on half of the cores, and has the digits that it has alone. Two of *First try* so end 1.28 times as fast as
        one after the other (docs/BENCHMARKS.md).
        """
        return self._allowed().devices is None and len(runs) <= 2 and all(self._leaves_half(run) for run in runs)

    def _leaves_half(self, run: ActiveRun) -> bool:
        return self._need(run, "cpu").get("half", False)

    def obstacle(self, run: ActiveRun, device: str, beside: Iterable[ActiveRun]) -> str:
        """Why the run does not fit into the device's memory now, as a sentence; "" where it does, or where nobody can say.

        `beside` are the lab's runs that train on the device. The CPU's memory is looked at only where there are some: a run there
        was admitted with the memory of a machine that trains nothing else.
        """
        if is_elsewhere(device):
            return self._beyond.problem
        running = list(beside)
        if not device.startswith("cuda") and not running:
            return ""
        if running and time.monotonic() < self._settles.get(device, 0.0) and not self._is_little(run, device):
            return SETTLES
        known, until = self._obstacles.get((run.id, device), ("", 0.0))
        if time.monotonic() >= until:
            known = self._look(run, device, running)
            self._obstacles[run.id, device] = known, time.monotonic() + MEMORY_SECONDS
        return known

    def _is_little(self, run: ActiveRun, device: str) -> bool:
        """The run finds memory on the CPU whatever another small one still takes."""
        if device != "cpu" or not self._leaves_half(run):
            return False
        return costs.fits(4 * self._need(run, device)["bytes"], forecaster.available())

    def _need(self, run: ActiveRun, device: str) -> dict[str, Any]:
        """What `send_needs` says; {} where the run cannot be built, and where the child died."""
        if (run.id, device) not in self._needs:
            answer = self._ask(send_needs, run.config.change(device=device))
            if answer is None:
                return {}
            self._needs[run.id, device] = json.loads(answer)
        return self._needs[run.id, device]

    def _look(self, run: ActiveRun, device: str, running: Iterable[ActiveRun]) -> str:
        need = self._need(run, device)
        if not need:
            return ""  # its runner says why
        if device.startswith("cuda"):
            card = gpus.status().get(need["uuid"])
            if card is None or costs.fits(need["bytes"], card.free):
                return ""
            place, free, total = say("The GPU {title} ({device})", title=need["title"], device=device), card.free, card.total
            ours = {other.process.pid for other in running}
            others = [_belongs(pid, taken) for pid, taken in card.used_by if pid not in ours and taken]
        else:
            free, total = forecaster.available(), memory.total() or 0
            if costs.fits(need["bytes"], free):
                return ""
            place, others = N_("This machine"), []
        facts = {"place": place, "free": size_text(free), "total": size_text(total), "size": size_text(need["bytes"])}
        if others:
            names = ", ".join(others)
            return say("{place} has {free} of {total} free, and the run needs {size}: {others}.", others=names, **facts)
        return say("{place} has {free} of {total} free, and the run needs {size}.", **facts)

    def taken(self, device: str) -> None:
        """A run has begun on the device: its bytes show in a few seconds."""
        self._settles[device] = time.monotonic() + MEMORY_SECONDS
        self.changed(device)

    def changed(self, device: str) -> None:
        """What was seen of the device's memory counts no more: a run on it has begun or ended."""
        gpus.forget()
        self._obstacles = {key: known for key, known in self._obstacles.items() if key[1] != device}

    def forget(self, active: Iterable[str]) -> None:
        """Drops what is known of runs that are not `active` any more."""
        kept = set(active)
        self._quicker = {run_id: devices for run_id, devices in self._quicker.items() if run_id in kept}
        self._needs = {key: need for key, need in self._needs.items() if key[0] in kept}
        self._obstacles = {key: known for key, known in self._obstacles.items() if key[0] in kept}

    def _found(self, choice: str) -> tuple[str, ...]:
        # Where processes are spawned, a child takes seconds to load torch only to answer this.
        if choice == "cpu" or (choice == "auto" and sys.platform != "darwin" and not gpus.may_be_here()):
            return ("cpu",)
        known, until = self._candidates.get(choice, ((), 0.0))
        if time.monotonic() < until:
            return known
        answer = self._ask(send_candidates, choice)
        if answer is None:
            return (choice,)  # the child died; another one is asked the next time
        found = tuple(answer.split()) or (choice,)
        self._candidates[choice] = found, time.monotonic() + DEVICES_SECONDS
        return found

    def _allowed(self) -> Limits:
        return self.rules().file

    def rules(self) -> Rules:
        """The limits of this lab, at most LIMITS_SECONDS old."""
        if time.monotonic() >= self._rules_until:
            self._rules_until = time.monotonic() + LIMITS_SECONDS
            with suppress(CNNLabError):  # a damaged file refuses new runs, and those that wait go on as before
                self._rules = rules(self._home)
        return self._rules


def waits_for(run: ActiveRun, problem: str) -> str:
    """What a queued run says while it waits."""
    return problem if is_elsewhere(run.config.device) else f"{WAITS} {problem}"


def send_candidates(writer: Any, choice: str) -> None:
    """The names of the devices for a choice, best first."""
    from cnnlab.training.devices import candidates

    with closing(writer):
        writer.send_bytes(" ".join(candidates(choice)).encode())


def send_quicker(writer: Any, home: Path, config: RunConfig) -> None:
    """The name of the device on which an epoch of the run takes less time; "" where neither can be timed."""
    from cnnlab.compute.speeds import quicker

    with closing(writer):
        writer.send_bytes(quicker(home, config, ("mps", "cpu")).encode())


def send_needs(writer: Any, config: RunConfig) -> None:
    """The bytes that a run takes at most, its device's title and UUID, and whether it leaves half of the CPU's cores to another.

    {} where its network cannot be built.
    """
    from cnnlab.layers.trace import layer_table
    from cnnlab.training import devices

    need: dict[str, Any] = {}
    with suppress(CNNLabError):
        table = layer_table(config.architecture, config.input_shape, config.classes, config.options)
        config = config.change(batch_size=min(config.batch_size, costs.images(config)[0]))
        need = {
            "bytes": costs.memory(config, table, config.device).bytes(config.batch_size),
            "title": devices.find(config.device).title,
            "uuid": devices.uuid(config.device),
            "half": processes.cores() > 1 and costs.is_small(config, table.macs),
        }
    with closing(writer):
        writer.send_bytes(json.dumps(need).encode())


def _belongs(pid: int, taken: int) -> str:
    """As in "70 GB belong to process 4711 of ana"."""
    user = processes.user_of(pid)
    if user:
        return say("{size} belong to process {pid} of {user}", size=size_text(taken), pid=pid, user=user)
    return say("{size} belong to process {pid}", size=size_text(taken), pid=pid)
