"""The columns of the table of runs: figures, and the settings in which the runs differ, each as wide as its longest text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import streamlit as st

from cnnlab.architectures import card, every_card, own_code
from cnnlab.config import RunConfig
from cnnlab.config_words import CODE, NETWORK, title, words
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import N_, _, english, say, shown, translated
from cnnlab.reports.comparison import ABSENT, is_number
from cnnlab.run_names import name_of
from cnnlab.runs.summaries import Summaries, Summary
from cnnlab.text import cells
from pages._parts.address import Address
from pages._parts.heading import with_terms
from pages._parts.run_words import BEST_ACCURACY, state_word

USUAL = ("learning_rate", "optimizer", "batch_size", "options.activation")  # shown also where they are the same everywhere
MOST_SETTINGS = 8  # that are shown without having been asked for
_OWN = ("architecture", "dataset", "epochs")  # settings that have a column of another name
WIDEST = 300  # pixels; a longer text is shown whole in the cell that is opened
_CHARACTER, _MARGIN, _SORT = 7.6, 18, 14  # pixels of a character, beside the text, and of a header's menu

# By name in the address: title, help, format, and a fixed width.
FIGURES: dict[str, tuple[str, str, str | None, int | None]] = {
    "name": (N_("Run"), N_("Its name; the box at the left selects it for a comparison."), None, None),
    "state": (N_("State"), "", None, None),
    "best": (N_("Best accuracy"), N_("The highest test accuracy of all epochs so far."), "%.1f %%", None),
    "last": (N_("Last accuracy"), N_("Test accuracy after the last finished epoch."), "%.1f %%", None),
    "curve": (N_("Curve"), N_("Test accuracy from the first epoch to the last."), None, 84),
    "network": (N_("Network"), "", None, None),
    "data": (N_("Data"), "", None, None),
    "owner": (N_("Owner"), "", None, None),
    "tags": (N_("Tags"), N_("Words that its owner gave it; the filter finds them."), None, None),
    "epochs": (N_("Epochs"), N_("Finished epochs."), "localized", None),
    "parameters": (N_("Parameters"), N_("Numbers that training adjusts."), "localized", None),
    "seconds": (N_("Seconds"), N_("Time spent training, without pauses."), "%.0f", None),
    "when": (N_("When"), N_("When the run was started."), "distance", 118),
    "speed": (N_("Images/s"), N_("Training images per second, over the last epoch."), "%.0f", None),
    "id": (N_("Id"), N_("As in addresses and on the command line."), None, None),
    "open": (N_("Open"), N_("Opens the run in a new tab."), None, 56),
}
_FIRST = ("open", "name", "best", "curve", "state")
_WHERE_SEVERAL = {"network": "architecture", "data": "dataset"}  # behind these where they differ
_AFTER = ("network", "data", "owner", "tags", "epochs", "parameters", "seconds", "when", "speed", "last", "id")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What `st.dataframe` needs for the table."""

    table: pa.Table  # columns by title
    config: dict[str, Any]
    order: tuple[str, ...]  # titles of the columns to show


def pick_columns(every: Summaries, address: Address) -> tuple[str, ...]:
    """Draws the choice of columns; () leaves it to what differs."""
    titles = figure_titles() | setting_titles(every.architectures)

    def parse(text: str) -> list[str]:
        found = [name for name in text.split(",") if name]
        wrong = next((name for name in found if name not in titles), None)
        if wrong is not None:
            error = say("{name} must be names of columns separated by commas, not {value!r}.", name="columns", value=wrong[:80])
            raise ConfigError(error, "columns")
        return found

    address.initialise("runs:columns", "columns", [], parse)
    # The networks may have changed since.
    st.session_state["runs:columns"] = [name for name in st.session_state["runs:columns"] if name in titles]
    with st.popover(_("Columns"), icon=":material/view_column:", width="stretch", help=_("Which columns the table shows.")):
        wanted = st.multiselect(
            _("Columns, in this order"), list(titles), key="runs:columns", format_func=titles.__getitem__,
            placeholder=_("chosen for you"), help=_("Without a choice: results, and the settings in which the runs differ."),
        )  # fmt: skip
    address.write("columns", tuple(wanted), ())
    return tuple(wanted)


def figure_titles() -> dict[str, str]:
    """The titles of FIGURES by name."""
    return {name: translated(title) for name, (title, *_rest) in FIGURES.items()}


def setting_titles(architectures: Sequence[str]) -> dict[str, str]:
    """The titles of all settings of these networks, by name; two settings of one title have their names behind it."""
    titles = {name: title(name, "") for name in RunConfig.model_fields if name not in ("options", *_OWN)}
    for architecture in architectures:
        for option in card(architecture).options:
            titles.setdefault(f"options.{option.name}", shown(option.title))
    taken = list(titles.values())
    return {name: text if taken.count(text) == 1 else f"{text} ({name.rpartition('.')[2]})" for name, text in titles.items()}


def drawn(
    runs: Sequence[Summary], wanted: Sequence[str], address_of_run: str, turns: Mapping[str, str] = MappingProxyType({})
) -> Drawn:
    """The table of these runs; `wanted` as `pick_columns` returns it, `address_of_run` ends where a run's id belongs.

    `turns` says of runs that wait when they begin, by id.
    """
    titles, figures = setting_titles([*(each.name for each in every_card()), own_code.NAME]), figure_titles()
    values = [_settings(run) for run in runs]
    names = [name for name in titles if any(name in each for each in values)]
    differing = [name for name in names if len({str(each.get(name)) for each in values}) > 1]
    columns = {figures[name]: array for name, array in _figures(runs, address_of_run, turns).items()}
    config = {title: _column(name, title, columns[title]) for name, title in figures.items()}
    for name in names:
        array = _setting(name, [each.get(name, ABSENT) for each in values])
        columns[titles[name]] = array
        config[titles[name]] = _setting_column(titles[name], array)
    if wanted:
        order = [(figures | titles)[name] for name in wanted]
    else:
        usual = dict.fromkeys([*differing, *(name for name in USUAL if name in names)])
        several = [name for name, field in _WHERE_SEVERAL.items() if len({getattr(run, field) for run in runs}) > 1]
        order = [figures[name] for name in (*_FIRST, *several)]
        order += [titles[name] for name in list(usual)[:MOST_SETTINGS]]
        order += [figures[name] for name in _AFTER if _filled(name, runs) and name not in several]
    return Drawn(pa.table(columns), config, tuple(title for title in order if title in columns))


def _settings(run: Summary) -> dict[str, Any]:
    try:
        return dict(run.settings)
    except CNNLabError:
        return {}  # from another version: the row has its figures, and opening it shows why


def _network(run: Summary, usual: str) -> str:
    naming = {"custom": NETWORK, own_code.NAME: CODE}.get(run.architecture, "")
    own = _settings(run).get(naming)
    return words(naming, own) if own else usual


def _filled(name: str, runs: Sequence[Summary]) -> bool:
    return name not in ("owner", "tags") or any(getattr(run, name) for run in runs)


def _figures(runs: Sequence[Summary], address_of_run: str, turns: Mapping[str, str]) -> dict[str, Any]:
    titles = {name: words("architecture", name) for name in {run.architecture for run in runs}}
    data = {name: words("dataset", name) for name in {run.dataset for run in runs}}
    number = pa.float64()
    return {
        "name": pa.array([name_of(run) for run in runs]),
        "state": pa.array([_state(run, turns.get(run.id)) for run in runs]),
        "best": pa.array([run.best_test_accuracy and 100 * run.best_test_accuracy for run in runs], number),
        "last": pa.array([run.test_accuracy and 100 * run.test_accuracy for run in runs], number),
        "curve": pa.array([run.curve for run in runs], pa.list_(pa.float32())),
        "network": pa.array([_network(run, titles[run.architecture]) for run in runs]),
        "data": pa.array([data[run.dataset] for run in runs]),
        "owner": pa.array([run.owner for run in runs]),
        "tags": pa.array([", ".join(run.tags) for run in runs]),
        "epochs": pa.array([run.epochs_done for run in runs], pa.int32()),
        "parameters": pa.array([run.parameters for run in runs], number),
        "seconds": pa.array([run.seconds for run in runs], number),
        "when": pa.array([int(1000 * run.created) for run in runs], pa.timestamp("ms", "UTC")),
        "speed": pa.array([run.images_per_second for run in runs], number),
        "id": pa.array([run.id for run in runs]),
        "open": pa.array([f"{address_of_run}{run.id}" for run in runs]),
    }


def _state(run: Summary, turn: str | None) -> str:
    return _("{state}: {turn}").format(state=state_word(run), turn=turn) if turn else state_word(run)


def _setting(name: str, values: Sequence[Any]) -> pa.Array:
    """Numbers as numbers, so that they sort as such; anything else in words."""
    if all(value == ABSENT or is_number(value) for value in values):
        return pa.array([None if value == ABSENT else float(value) for value in values], pa.float64())
    return pa.array([ABSENT if value == ABSENT else words(name, value) for value in values])


def _column(name: str, title: str, array: pa.Array) -> Any:
    _title, help_, number_format, width = FIGURES[name]
    config, help_ = st.column_config, with_terms(translated(help_), _title)
    if name == "best":
        help_ = _("{title}: {text}").format(title=translated(BEST_ACCURACY), text=f"{help_[0].lower()}{help_[1:]}")
    if name == "open":
        return config.LinkColumn(title, display_text=":material/open_in_new:", width=width, help=help_)
    if name == "curve":
        return config.LineChartColumn(title, width=width, y_min=0, y_max=1, help=help_)
    if name == "when":
        return config.DatetimeColumn(title, format="distance", width=width, help=help_)
    if number_format:
        longest = max((len(_drawn_number(value, number_format)) for value in array.to_pylist() if value is not None), default=1)
        return config.NumberColumn(title, format=number_format, width=width_of(title, longest), help=help_)
    longest = max(map(cells, array.to_pylist()), default=1)
    return config.TextColumn(title, width=width_of(title, longest), help=help_ or None, pinned=name == "name" or None)


def _setting_column(title: str, array: pa.Array) -> Any:
    help_ = with_terms("", str(english(title))) or None
    if pa.types.is_floating(array.type):
        longest = max((len(f"{value:.6g}") for value in array.to_pylist() if value is not None), default=1)
        return st.column_config.NumberColumn(title, format="%.6g", width=width_of(title, longest), help=help_)
    return st.column_config.TextColumn(title, width=width_of(title, max(map(cells, array.to_pylist()), default=1)), help=help_)


def _drawn_number(value: float, number_format: str) -> str:
    return f"{value:,.0f}" if number_format == "localized" else number_format % value


def width_of(title: str, longest: int) -> int:
    """Pixels of a column whose longest text has so many characters (`cells`): neither it nor the title is cut off, up to WIDEST."""
    needed = max(cells(title) * _CHARACTER + _SORT, longest * _CHARACTER) + _MARGIN
    return round(min(WIDEST, max(56.0, needed)))
