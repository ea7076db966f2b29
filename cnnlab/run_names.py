"""The name that a run or a sweep is shown under, and a run's note, in the reader's language.

Names and notes that the lab makes are stored in English and stay as they are; only what is shown follows the reader. They are
known by the run's record: its network and data, or its tag, its seed and the settings that a name holds. What people typed stays
as typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from cnnlab.architectures import card
from cnnlab.config import RunConfig, title_of
from cnnlab.config_words import settings, title, words
from cnnlab.errors import CNNLabError
from cnnlab.i18n import ENGLISH, N_, _, language, translated, using
from cnnlab.learn import bands
from cnnlab.learn.catalogue import LESSONS, Catalogue
from cnnlab.runs.records import IMPORTED, Run
from cnnlab.runs.summaries import MOST_RUNS, Summary
from cnnlab.sweeps.values import SWEEP_TAG
from cnnlab.text import in_sentence, listed

COMPARED = "compare:"  # begins the tag of runs that were started for a comparison
NOTE = N_("Trained for a comparison with run {id}.")  # of such a run
_NAMED_BY_THE_LAB = (COMPARED, bands.TAG, SWEEP_TAG, IMPORTED)  # how the tags of such runs begin


def name_of(run: Run | Summary) -> str:
    """The name that its owner gave it, else its network and data set; the id of a run whose name was taken away."""
    if language() != ENGLISH:  # in English nothing changes, and a table has ten thousand rows
        with suppress(CNNLabError):  # of another version, or about data that are gone
            if isinstance(run, Run):
                return shown_name(run.name, run.config, run.tags) or run.id
            if run.name and _by_the_lab(run.tags):
                return _of_row(run.name, run.config_json, language())
            return named(run.name, _network(run), run.dataset) or run.id
    return run.name or run.id


def shown_name(name: str, config: RunConfig, tags: Iterable[str]) -> str:
    """The name of a run with these settings and tags, in the reader's language where the lab made it."""
    if name and language() != ENGLISH and _by_the_lab(tags):
        return _in_words(name, settings(config))
    return named(name, config.network, config.dataset)


def named(name: str, network: str, dataset: str) -> str:
    """`name`; in the reader's language where it is the one that a run of this network on this data set gets by itself."""
    if language() == ENGLISH or not name or name != title_of(network, dataset):
        return name
    return _("{network} on {data}").format(network=network, data=words("dataset", dataset))


def usual_name(config: RunConfig) -> str:
    """The name that a run with these settings gets by itself, in the reader's language."""
    return named(config.title, config.network, config.dataset)


def note_of(run: Run) -> str:
    """The note of a run; in the reader's language where the lab wrote it, else as typed."""
    compared = (tag.removeprefix(COMPARED) for tag in run.tags if tag.startswith(COMPARED))
    return next((translated(NOTE).format(id=each) for each in compared if run.note == NOTE.format(id=each)), run.note)


def _network(run: Summary) -> str:
    chosen = card(run.architecture)
    if chosen.naming is None:
        return chosen.title
    return chosen.called({name.removeprefix("options."): value for name, value in run.settings.items()})


def _by_the_lab(tags: Iterable[str]) -> bool:
    return any(tag.startswith(_NAMED_BY_THE_LAB) for tag in tags)


@lru_cache(maxsize=MOST_RUNS)
def _of_row(name: str, config_json: str, _language: str) -> str:
    # Kept: each takes up to 0.2 ms, and each click on a table of ten thousand runs asks for all.
    return _in_words(name, settings(RunConfig.from_json(config_json)))


def _in_words(name: str, values: Mapping[str, Any]) -> str:
    """A name in the reader's language, part by part; what the lab did not make, for a run with these settings, stays."""
    seedless = name.removesuffix(f", seed {values['seed']}")
    if seedless != name:
        return _("{name}, seed {seed}").format(name=_in_words(seedless, values), seed=values["seed"])
    network = name.removesuffix(", imported")
    if network != name:
        return _("{network}, imported").format(network=_in_words(network, values))
    return _twin(name, values) or _trial(name, values) or _labels(language()).get(name) or _usual(name, values)


def _usual(name: str, values: Mapping[str, Any]) -> str:
    options = {each.removeprefix("options."): value for each, value in values.items() if each.startswith("options.")}
    return named(name, card(values["architecture"]).called(options), values["dataset"])


def _twin(name: str, values: Mapping[str, Any]) -> str:
    """Of "my try, learning rate 0.1 instead of 0.9"; "" for a name of another form, or where the settings are others."""
    if " instead of " not in name:
        return ""
    architecture = values["architecture"]
    titles = _titles(architecture)
    any_title = "|".join(map(re.escape, sorted(titles, key=len, reverse=True)))
    parts = list(re.finditer(rf", ({any_title}) (.+?) instead of (.+?)(?=, (?:{any_title}) |$)", name))
    if not parts or parts[-1][2] != _english(titles[parts[-1][1]], values):
        return ""
    change = _("{setting} {value} instead of {other}")
    differing = listed(
        change.format(setting=in_sentence(title(titles[setting], architecture)), value=translated(value), other=translated(other))
        for setting, value, other in (part.groups() for part in parts)
    )
    return _("{name}, {difference}").format(name=_in_words(name[: parts[0].start()], values), difference=differing)


def _trial(name: str, values: Mapping[str, Any]) -> str:
    """Of "LeNet-5: learning rate 0.1, batch size 64", a run of a sweep; "" as for a twin."""
    architecture = values["architecture"]
    for colon in re.finditer(": ", name):
        rest, varied = f", {name[colon.end() :]}", []
        while rest:
            begins = (
                (f", {called} {_english(each, values)}", each) for called, each in _titles(architecture).items() if called in rest
            )
            begin, setting = next((pair for pair in begins if rest.startswith(pair[0])), ("", ""))
            if not begin:
                break
            rest = rest.removeprefix(begin)
            varied.append(f"{in_sentence(title(setting, architecture))} {words(setting, values[setting])}")
        else:
            return _("{name}: {settings}").format(name=_in_words(name[: colon.start()], values), settings=listed(varied))
    return ""


def _english(setting: str, values: Mapping[str, Any]) -> str:
    with using(ENGLISH):
        return words(setting, values[setting])


@lru_cache(maxsize=256)
def _titles(architecture: str) -> dict[str, str]:
    """The settings by their English titles, as a name has them."""
    with using(ENGLISH):
        options = (f"options.{each.name}" for each in card(architecture).options)
        names = (*(each for each in RunConfig.model_fields if each != "options"), *options)
        titles = {each: title(each, architecture) for each in names}
        # Names that were stored before a title kept its capital have it in lower case.
        return {form: each for each, called in titles.items() for form in (in_sentence(called), called.lower())}


@lru_cache(maxsize=8)
def _labels(code: str) -> dict[str, str]:
    """What the program's lessons call their experiments, by the English label."""
    lessons = Catalogue(LESSONS)  # a home without lessons of its own

    def labels(of: str) -> dict[tuple[str, str], str]:
        return {(each.id, one.id): one.label for each in lessons.of(of).every for one in each.header.experiment}

    shown = labels(code)
    return {label: shown[one] for one, label in labels(ENGLISH).items()}
