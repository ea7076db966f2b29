"""The sweeps of a lab for page tests, without a process: started ones are kept, and tests write their trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnlab.errors import CNNLabError, SweepNotFound
from cnnlab.sweeps.values import Sweep, SweepConfig, Trial

NOW = 1_800_000_000.0


class FakeSweeps:
    """Keeps sweeps by id, and what was asked of it in `asked`; `refusal` is raised by every change."""

    def __init__(self) -> None:
        self.kept: dict[str, Sweep] = {}
        self.tokens: dict[str, str] = {}
        self.asked: list[tuple[Any, ...]] = []
        self.refusal: CNNLabError | None = None

    def start(self, config: SweepConfig, *, token: str, name: str = "", owner: str = "") -> str:
        self._ask("start", token)
        if token not in self.tokens:
            self.tokens[token] = f"{len(self.kept) + 0xA0000001:08x}"
            self.keep(self.tokens[token], config, name=name, owner=owner)
        return self.tokens[token]

    def keep(self, sweep_id: str, config: SweepConfig, *trials: Trial, name: str = "", owner: str = "", **changes: Any) -> None:
        """A sweep as a test wants it."""
        sweep = Sweep(sweep_id, name or "LeNet-5", owner, NOW, None, "running", "", config, trials)
        self.kept[sweep_id] = replace(sweep, **changes)

    def get(self, sweep_id: str) -> Sweep:
        if sweep_id not in self.kept:
            raise SweepNotFound(f"There is no sweep {sweep_id[:20]!r}.")
        return self.kept[sweep_id]

    def all(self, limit: int = 200) -> tuple[Sweep, ...]:
        return tuple(self.kept.values())[::-1][:limit]

    def stop(self, sweep_id: str, *, owner: str | None = None, now: bool = False) -> None:
        self._ask("stop", sweep_id, owner, now)
        self.kept[sweep_id] = replace(self.kept[sweep_id], state="stopped")

    def resume(self, sweep_id: str, *, owner: str | None = None) -> None:
        self._ask("resume", sweep_id, owner)
        self.kept[sweep_id] = replace(self.kept[sweep_id], state="running")

    def delete(self, sweep_id: str, *, owner: str | None = None, with_runs: bool = False) -> None:
        self._ask("delete", sweep_id, owner, with_runs)
        del self.kept[sweep_id]

    def csv(self, sweep_id: str) -> str:
        return f"trials of {sweep_id}\r\n"

    def _ask(self, *what: Any) -> None:
        if self.refusal:
            raise self.refusal
        self.asked.append(what)


def trial(number: int, accuracy: float | None = None, state: str = "finished", run_id: str = "", **values: Any) -> Trial:
    """A trial of four epochs that took ten seconds, with the run `0000000<number>`."""
    done = 0 if accuracy is None else 2 if state in ("pruned", "training") else 4
    return Trial(number, run_id or f"{number:08x}", values, state, "", done, 4, accuracy, 2.5 * done or None)
