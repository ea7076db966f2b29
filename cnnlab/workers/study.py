"""A sweep's study: Optuna chooses values and finds hopeless trials. The only module that imports Optuna, which takes a second.

The study is an SQLite file of Optuna's. Its journal file would need fewer packages, but a line that a power cut or a full disk cuts
short makes the whole journal unreadable.
"""

from __future__ import annotations

import json
import math
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.pruners import MedianPruner
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler
from optuna.trial import Trial, TrialState

from cnnlab.config import RunConfig
from cnnlab.errors import StoreError
from cnnlab.events import EpochDone
from cnnlab.i18n import say
from cnnlab.sweeps.dimensions import Dimension
from cnnlab.sweeps.values import SweepConfig
from cnnlab.system import disk
from cnnlab.text import shortened

FILE = "study.sqlite"
BUSY_SECONDS = 10.0
FINISHED_FIRST = 4  # trials that end before one is stopped early: a median of fewer says little
MOST_BY_CHANCE = 10  # trials before TPE begins to model, Optuna's own default; fewer in a small sweep
_LEAST_BY_CHANCE = 4

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Study:
    """The study in `folder`, made where there is none. Trials are known by Optuna's numbers, from 0.

    Every method raises StoreError; a temporary one on a full disk, after which the same call may be made again.
    """

    def __init__(self, folder: Path, config: SweepConfig) -> None:
        self._config = config
        self._folder = folder
        self._trials: dict[int, tuple[Trial, set[int]]] = {}
        with self._in_words():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # As a URI, because Optuna's address cannot have a folder's name with a question mark.
            address = f"sqlite:///{(folder / FILE).absolute().as_uri()}?uri=true"
            self._storage = optuna.storages.RDBStorage(address, engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}})
            self._study = optuna.create_study(
                study_name="sweep", storage=self._storage, direction="maximize", load_if_exists=True, sampler=RandomSampler()
            )

    def close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    def unfinished(self) -> dict[int, Mapping[str, Any]]:
        """The trials that were begun and have no result yet, with their values."""
        with self._in_words():
            begun = [trial.number for trial in self._study.get_trials(False, (TrialState.RUNNING,))]
            return {number: self._drawn(self._trial(number)[0]) for number in begun}

    def ask(self, *, by_chance: bool = False) -> tuple[int, Mapping[str, Any]]:
        """A new trial: its number, and the values of the settings that vary. `by_chance` where the method only repeats itself."""
        with self._in_words():
            number = len(self._study.get_trials(False))
            self._study.sampler = RandomSampler(seed=self._seed(number)) if by_chance else self._sampler(number)
            trial = self._study.ask()
            self._trials[trial.number] = trial, set()
            return trial.number, self._drawn(trial)

    def report(self, number: int, epochs: Sequence[EpochDone]) -> None:
        """Stores the accuracies of a trial's epochs that are not stored yet."""
        with self._in_words():
            trial, known = self._trial(number)
            for done in epochs:
                if done.epoch not in known and math.isfinite(done.score):
                    trial.report(done.score, done.epoch)
                    known.add(done.epoch)

    def hopeless(self, number: int, config: RunConfig) -> bool:
        """Whether the trial's best epoch so far is below the median of the finished trials at its last epoch.

        The median, not successive halving: it needs no fixed plan of epochs and few trials, and one sentence explains it.
        """
        with self._in_words():
            self._study.pruner = MedianPruner(FINISHED_FIRST, warm_up(config), n_min_trials=FINISHED_FIRST)
            return self._trial(number)[0].should_prune()

    def finish(self, number: int, accuracy: float) -> None:
        self._tell(number, accuracy, TrialState.COMPLETE)

    def prune(self, number: int) -> None:
        self._tell(number, None, TrialState.PRUNED)

    def fail(self, number: int) -> None:
        """It says nothing about its values: refused, deleted, stopped by a user, or tried before."""
        self._tell(number, None, TrialState.FAIL)

    def _tell(self, number: int, accuracy: float | None, state: TrialState) -> None:
        with self._in_words():
            self._study.sampler = RandomSampler()  # the one for grids would stop a loop of Optuna's, which there is not
            self._study.tell(number, accuracy, state, skip_if_finished=True)
            self._trials.pop(number, None)

    def _trial(self, number: int) -> tuple[Trial, set[int]]:
        """A trial and the epochs that it has. Looked up once: reading all trials takes as long as storing an epoch."""
        if number not in self._trials:
            frozen = self._study.get_trials(False)[number]
            self._study.sampler = self._sampler(number)
            self._trials[number] = Trial(self._study, frozen._trial_id), set(frozen.intermediate_values)
        return self._trials[number]

    def _drawn(self, trial: Trial) -> Mapping[str, Any]:
        """The trial's values. Also completes one whose process was killed while it drew them."""
        for dimension in self._config.dimensions:
            _suggest(trial, dimension)
        return {each.setting: _value(each, trial.params[each.setting]) for each in self._config.dimensions}

    def _sampler(self, number: int) -> BaseSampler:
        """Made for each trial, with a seed of its own: after a crash the same draws would come again."""
        config, seed = self._config, self._seed(number)
        if config.method == "grid":
            return GridSampler({each.setting: _texts(each) for each in config.dimensions}, seed=config.seed)
        if config.method == "random":
            return RandomSampler(seed=seed)
        first = max(_LEAST_BY_CHANCE, min(MOST_BY_CHANCE, config.total // 3))
        # The liar: values of runs that train now count as bad, so that two at a time do not try the same.
        return TPESampler(n_startup_trials=first, constant_liar=True, seed=seed)

    def _seed(self, number: int) -> int:
        return zlib.crc32(f"{self._config.seed} {number}".encode())

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                yield
        except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
            cause = getattr(error.__cause__ or error, "orig", None) or error
            if disk.is_full(error, self._folder) or "full" in str(cause) or "locked" in str(cause):
                raise StoreError(
                    say("The sweep waits: its study cannot be written, because the disk is full or locked."), temporary=True
                ) from error
            raise StoreError(
                say(
                    "The sweep's study, {file} in its folder, cannot be read or written ({reason}): its runs are kept; start "
                    "another sweep.",
                    file=FILE,
                    reason=shortened(cause, quoted=False),
                )
            ) from error


def warm_up(config: RunConfig) -> int:
    """Epochs that a run has before it can be stopped early: a third of them, or half where a sigmoid starts flat.

    LeNet with sigmoid stays at 10 % for 470 to 1,100 steps, a fifth to a third of its usual epochs, and learns well afterwards.
    """
    slow = config.options.get("activation") == "sigmoid"
    return max(1, math.ceil(config.epochs / (2 if slow else 3)))


def _suggest(trial: Trial, dimension: Dimension) -> None:
    """Draws the trial's value of one setting; nothing where it was drawn before."""
    name, low, high, step = dimension.setting, dimension.low, dimension.high, dimension.step
    if low is None or high is None:
        trial.suggest_categorical(name, _texts(dimension))
    elif isinstance(low, int) and isinstance(high, int):
        trial.suggest_int(name, low, high, log=dimension.log, step=int(step or 1))
    else:
        trial.suggest_float(name, low, high, log=dimension.log, step=step)


def _texts(dimension: Dimension) -> list[str]:
    """The values as JSON, because Optuna keeps no lists."""
    return [json.dumps(value) for value in dimension.choices or ()]


def _value(dimension: Dimension, param: Any) -> Any:
    if isinstance(param, str):
        return (dimension.choices or ())[_texts(dimension).index(param)]
    return dimension.drawn(param)
