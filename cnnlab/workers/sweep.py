"""One sweep, round by round: asks the study for values, queues runs with them, follows these, and stops hopeless ones.

Each step can be made again after a crash at any moment. A trial is stored in the study first, then in the record, and its run is
queued with a token made from sweep and trial: so no trial is lost, and none is trained twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnlab.errors import CNNLabError, ComputeError, InstallationError, StoreError
from cnnlab.events import Notice, best_epoch
from cnnlab.i18n import N_, say
from cnnlab.runs.records import ACTIVE, ASKED_TO_END, State
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_rows import TrialRecord
from cnnlab.runs.sweep_store import WAITING, SweepStore
from cnnlab.sweeps.values import Sweep
from cnnlab.system.home import sweep_folder
from cnnlab.text import duration_text, percent
from cnnlab.workers import watch
from cnnlab.workers.queueing import Queueing

if TYPE_CHECKING:
    from cnnlab.workers.study import Study

SECONDS_STORED = 5.0  # how often the time is stored that counts against the sweep's minutes
LONGEST_TURN = 10.0  # seconds; more between two turns is a machine that slept, which does not count
MOST_REPEATS = 20  # draws of values that were tried before, until the sweep ends
HELPER_ATTEMPTS = 3  # for a trial's check; then the trial has failed
LONGEST_NAME = 80  # characters of the sweep's name in that of a run


class Sweeper:
    """Works on one sweep. `turn` is one round, which tests call on its own."""

    def __init__(
        self, store: Store, queueing: Queueing, sweep_id: str, *, study: type[Study], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.store, self.sweeps = store, SweepStore(store)
        self.id = sweep_id
        self._queueing = queueing
        self._clock = clock
        sweep = self.sweeps.sweep(sweep_id)
        self._data = self.sweeps.data_folder(sweep_id)
        self._study = study(sweep_folder(store.home, sweep_id), sweep.config)
        self._reported: dict[int, int] = {}  # by trial: the epochs that the study has
        self._attempts: Counter[int] = Counter()  # by trial: checks that the helper did not answer
        self._attached = self._exhausted = False
        self._seconds = self._stored = sweep.seconds
        self._last = clock()

    def close(self) -> None:
        self._study.close()

    def turn(self) -> bool:
        """One round; False once the sweep needs no process. After a temporary StoreError it may be called again."""
        sweep, records = self.sweeps.look(self.id)
        if sweep.ended is not None:
            return False
        self._count_time(sweep)
        if not self._attached:
            self._attach(records)
        self._attached = False  # unless the round ends without an error
        for record in records:
            if record.unfinished and record.run_id is not None:
                self._follow(sweep, record)
        sweep, records = self.sweeps.look(self.id)
        goes_on = sweep.state == "running" and not self._is_over(sweep)
        stays = self._go_on(sweep, records) if goes_on else self._wind_up(sweep, records)
        self._attached = True
        return stays

    def _attach(self, records: Sequence[TrialRecord]) -> None:
        """Brings study and record together: a crash or a full disk may have come between two steps."""
        known = {record.number: record for record in records}
        for number, values in self._study.unfinished().items():
            if number not in known:
                self._add(number, values, records)
            elif not known[number].unfinished:
                self._tell(known[number])

    def _add(self, number: int, values: Mapping[str, Any], records: Sequence[TrialRecord]) -> bool:
        """Adds a trial of the study to the record; False where its values were tried before."""
        if any(record.values == values for record in records):
            self._study.fail(number)
            return False
        self.sweeps.add_trial(self.id, number, values)
        return True

    def _follow(self, sweep: Sweep, record: TrialRecord) -> None:
        """Reports a trial's new epochs, and settles it where its run has ended."""
        if record.epochs_done and record.epochs_done != self._reported.get(record.number):
            record = self._report(record)
            if self._is_hopeless(sweep, record):
                return self._prune(sweep, record)
        run_id, state, ours = record.run_id or "", record.run_state, record.state == "withdrawn"
        if state is State.FINISHED:
            self._settle(record, "finished")
        elif state is State.FAILED or (state is State.INTERRUPTED and run_id not in watch.auto_resumable(self.store)):
            self._settle(record, "failed", self.store.run(run_id).message)
        elif state is State.STOPPED and not ours and self._took_too_long(run_id):
            self._settle(record, "finished", N_("Its run reached the time limit of this lab."))
        elif record.lost or (record.left and not ours):
            self._settle(record, "failed", record.left)
        return None

    def _report(self, record: TrialRecord) -> TrialRecord:
        epochs = self.store.epochs(record.run_id or "")
        self._study.report(record.number, epochs)
        self._reported[record.number] = record.epochs_done
        best = best_epoch(epochs)
        if best is None or best.score == record.accuracy:
            return record
        self.sweeps.change_trial(self.id, record.number, accuracy=best.score)
        return replace(record, accuracy=best.score)

    def _is_hopeless(self, sweep: Sweep, record: TrialRecord) -> bool:
        if not sweep.config.prune or record.state != "open" or record.run_state is not State.RUNNING:
            return False
        config = sweep.config.config(record.values)
        return record.epochs_done < config.epochs and self._study.hopeless(record.number, config)

    def _prune(self, sweep: Sweep, record: TrialRecord) -> None:
        message = say(
            "Stopped by the sweep after epoch {epoch}: its best {goal} until then, {accuracy}, is below the median of the runs "
            "that finished.",
            epoch=record.epochs_done, goal=sweep.goal, accuracy=percent(record.accuracy),
        )  # fmt: skip
        self.sweeps.prune(self.id, record.number, message)
        self._study.prune(record.number)

    def _took_too_long(self, run_id: str) -> bool:
        events = self.store.events(run_id)
        return any(isinstance(event, Notice) and event.kind == "time-limit" for _, event in events)

    def _settle(self, record: TrialRecord, state: str, message: str = "") -> None:
        """The record first: after a crash in between, `_attach` tells the study."""
        self.sweeps.change_trial(self.id, record.number, state=state, message=message)
        self._tell(replace(record, state=state))

    def _tell(self, record: TrialRecord) -> None:
        if record.state == "finished" and record.accuracy is not None:
            self._study.finish(record.number, record.accuracy)
        elif record.state == "pruned":
            self._study.prune(record.number)
        else:
            self._study.fail(record.number)

    def _go_on(self, sweep: Sweep, records: Sequence[TrialRecord]) -> bool:
        """Queues the next run, where there is room for one; False at the end of the sweep."""
        going = [record for record in records if record.state == "open" and record.run_id is not None]
        waiting = [record for record in records if record.unfinished and record not in going]
        has_more = len(records) < sweep.config.total and not self._exhausted
        if not (waiting or going or has_more):
            self._end(sweep, records)
            return False
        if len(going) < sweep.config.at_a_time:
            if not waiting and has_more:
                waiting = self._next_trial(records)
            if waiting:
                self._begin(sweep, waiting[0])
        return True

    def _next_trial(self, records: Sequence[TrialRecord]) -> list[TrialRecord]:
        """A trial whose values were not tried before; none where the study finds none."""
        for attempt in range(MOST_REPEATS):
            number, values = self._study.ask(by_chance=attempt >= MOST_REPEATS // 2)
            if self._add(number, values, records):
                return [record for record in self.sweeps.look(self.id)[1] if record.number == number]
        self._exhausted = True
        return []

    def _begin(self, sweep: Sweep, record: TrialRecord) -> None:
        """Queues a trial's run, or again one that was taken back. A refused one has failed; where waiting helps, it waits."""
        try:
            if record.run_id is not None:
                if record.run_state in ASKED_TO_END:
                    return
                if record.run_state not in ACTIVE:
                    self._queueing.again(self.store.run(record.run_id))
                self.sweeps.change_trial(self.id, record.number, state="open", message="")
            else:
                config = sweep.config.config(record.values)
                name = f"{sweep.name[:LONGEST_NAME]}: {sweep.config.in_words(record.values)}"
                token = f"sweep-{sweep.id}-{record.number}"
                run_id = self._queueing.start(config, self._data, token=token, name=name, owner=sweep.owner)
                self.store.tag(run_id, add=[sweep.tag])
                self.sweeps.change_trial(self.id, record.number, run_id=run_id)
        except (StoreError, InstallationError):
            raise
        except CNNLabError as error:
            self._attempts[record.number] += isinstance(error, ComputeError)
            if not error.temporary and not 0 < self._attempts[record.number] < HELPER_ATTEMPTS:
                self._settle(record, "failed", str(error))
            elif sweep.message != str(error):
                self.sweeps.report(self.id, message=str(error))
            return
        if sweep.message:
            self.sweeps.report(self.id, message="")

    def _wind_up(self, sweep: Sweep, records: Sequence[TrialRecord]) -> bool:
        """Takes back what has not started, and waits for what trains; False when nothing does any more."""
        if any(record.unfinished and record.run_state in WAITING for record in records):
            self.sweeps.withdraw(self.id)
        if any(record.unfinished and record.run_state in ACTIVE | WAITING for record in records):
            return True
        self._end(sweep, records)
        return False

    def _end(self, sweep: Sweep, records: Sequence[TrialRecord]) -> None:
        self.sweeps.report(self.id, seconds=self._seconds)
        ended = [record for record in records if not record.unfinished]
        if sweep.state != "running":
            self.sweeps.end(self.id)
        elif ended and all(record.state == "failed" for record in ended) and len(ended) == len(records):
            self.sweeps.end(
                self.id,
                f"{N_('None of its runs finished.')} {say('The last one: {reason}', reason=ended[-1].message)}",
                failed=True,
            )
        elif len(ended) < sweep.config.total:
            self.sweeps.end(self.id, _ended(len(ended), sweep.config.total, sweep.config.minutes if self._is_over(sweep) else None))
        else:
            self.sweeps.end(self.id)

    def _is_over(self, sweep: Sweep) -> bool:
        return sweep.config.minutes is not None and self._seconds >= 60 * sweep.config.minutes

    def _count_time(self, sweep: Sweep) -> None:
        now = self._clock()
        if sweep.seconds < self._stored:  # it was resumed, and its minutes count again from 0
            self._seconds = self._stored = sweep.seconds
        if sweep.state == "running":
            self._seconds += min(now - self._last, LONGEST_TURN)
        self._last = now
        if self._seconds - self._stored >= SECONDS_STORED:
            self.sweeps.report(self.id, seconds=self._seconds)
            self._stored = self._seconds


def _ended(done: int, total: int, minutes: int | None) -> str:
    """Why a sweep ended before all of its runs: its `minutes` were over, or no values were left."""
    if minutes is None:
        return say("No values were left that had not been tried after {done:,} of {total:,} runs.", done=done, total=total)
    took = duration_text(60 * minutes)
    return say("Its time of {time} was over after {done:,} of {total:,} runs.", time=took, done=done, total=total)
