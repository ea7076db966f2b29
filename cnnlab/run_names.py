"""The name that a run or a sweep is shown under, in the reader's language.

Who gives none gets `RunConfig.title`: it is stored in English and stays as it is, only what is shown follows the reader.
"""

from __future__ import annotations

from contextlib import suppress

from cnnlab.architectures import card
from cnnlab.config import RunConfig, title_of
from cnnlab.config_words import words
from cnnlab.errors import CNNLabError
from cnnlab.i18n import ENGLISH, _, language
from cnnlab.runs.records import Run
from cnnlab.runs.summaries import Summary


def name_of(run: Run | Summary) -> str:
    """The name that its owner gave it, else its network and data set; the id of a run whose name was taken away."""
    if isinstance(run, Run):
        return named(run.name, run.config.network, run.config.dataset) or run.id
    if language() != ENGLISH:  # in English nothing changes, and a table has ten thousand rows
        with suppress(CNNLabError):  # of another version, or about data that are gone
            return named(run.name, _network(run), run.dataset) or run.id
    return run.name or run.id


def named(name: str, network: str, dataset: str) -> str:
    """`name`; in the reader's language where it is the one that a run of this network on this data set gets by itself."""
    if language() == ENGLISH or not name or name != title_of(network, dataset):
        return name
    return _("{network} on {data}").format(network=network, data=words("dataset", dataset))


def usual_name(config: RunConfig) -> str:
    """The name that a run with these settings gets by itself, in the reader's language."""
    return named(config.title, config.network, config.dataset)


def _network(run: Summary) -> str:
    chosen = card(run.architecture)
    if chosen.naming is None:
        return chosen.title
    return chosen.called({name.removeprefix("options."): value for name, value in run.settings.items()})
