"""A run beside one that differs from it in one thing: what can change, and which runs are still to be trained. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from cnnlab.config import RunConfig
from cnnlab.config_words import NETWORK, applies, settings, title, words
from cnnlab.i18n import ENGLISH, _, using
from cnnlab.runs.records import ACTIVE, Run, State
from cnnlab.text import in_sentence, listed

# Another network or other data is more than one thing; the seed stays, and the device changes nothing that is learnt.
_STAYS = ("architecture", NETWORK, "dataset", "device", "seed")
SEEDS = 3  # of each side, to compare means
LONGEST_BASE = 80  # characters of the original's name in that of a twin
_FIRST_UNUSED_SEED = 2**31


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of a comparison."""

    config: RunConfig
    name: str  # as it is stored: `run_names.shown_name` shows it in the reader's language
    known: str = ""  # the id of a run with these settings that has finished, or that trains or waits; "" where there is none


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs of a comparison, one for each seed on either side; without twins, of one setting alone."""

    originals: tuple[Planned, ...]
    twins: tuple[Planned, ...]

    @property
    def runs(self) -> tuple[Planned, ...]:
        return self.originals + self.twins

    @property
    def missing(self) -> tuple[Planned, ...]:
        """Those to be trained, in an order in which each twin follows its original."""
        pairs = zip_longest(self.originals, self.twins)
        return tuple(each for pair in pairs for each in pair if each and not each.known)


def changeable(config: RunConfig) -> tuple[str, ...]:
    """The settings that a twin can change, as `config_words.settings` names them; none that has no effect on this run."""
    now = settings(config)
    return tuple(name for name in now if name not in _STAYS and applies(name, now))


def plan(original: Run, twin: RunConfig, runs: Sequence[Run], *, seeds: int = 1, name: str = "") -> Plan:
    """`original` beside a run with the settings of `twin`, `seeds` of each from the original's on. `runs` are those there are.

    `name` is that of the twin; without one it says what differs.
    """
    usual = original.config.network
    own = original.name.strip() or original.config.title
    base = usual if own == original.config.title else own
    with using(ENGLISH):
        differing = _("{name}, {difference}").format(name=_cut(base), difference=_instead(original.config, twin))
    known = _known(original, runs)
    return Plan(
        _with_seeds(original.config, own, known, seeds),
        _with_seeds(twin.change(seed=original.config.seed), name or differing, known, seeds),
    )


def repeated(original: Run, runs: Sequence[Run], *, seeds: int = SEEDS) -> Plan:
    """`original` again with other seeds, `seeds` runs in all. `runs` are those there are."""
    name = original.name.strip() or original.config.title
    return Plan(_with_seeds(original.config, name, _known(original, runs), seeds), ())


def _known(original: Run, runs: Sequence[Run]) -> dict[str, str]:
    """The id of the newest run with each configuration, in JSON, that counts for a comparison."""
    counts = [each for each in reversed(runs) if each.state is State.FINISHED or each.state in ACTIVE]
    return {each.config.to_json(): each.id for each in (*counts, original)}


def _with_seeds(config: RunConfig, name: str, known: Mapping[str, str], seeds: int) -> tuple[Planned, ...]:
    """The configuration with its own seed and the following ones."""
    with using(ENGLISH):
        several = _("{name}, seed {seed}")
    return tuple(
        Planned(each, several.format(name=name, seed=each.seed) if number else name, known.get(each.to_json(), ""))
        for number in range(seeds)
        for each in [config.change(seed=(config.seed + number) % _FIRST_UNUSED_SEED)]
    )


def _instead(before: RunConfig, after: RunConfig) -> str:
    """What differs: "learning rate 0.1 instead of 0.9"."""
    then = settings(before)
    differing = [name for name, value in settings(after).items() if value != then.get(name, value) and name != "seed"]
    return listed(
        _("{setting} {value} instead of {other}").format(
            setting=in_sentence(title(name, after.architecture)),
            value=words(name, settings(after)[name]),
            other=words(name, then[name]),
        )
        for name in differing
    )


def _cut(name: str) -> str:
    one_line = " ".join(name.split())
    return one_line if len(one_line) <= LONGEST_BASE else f"{one_line[: LONGEST_BASE - 1]}…"
