"""“Try several values”: a dialog that starts a sweep, from the settings of a form or of a run."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st

from cnnlab.config import RunConfig
from cnnlab.config_words import setting
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import N_, _, together, translated
from cnnlab.lab import Lab
from cnnlab.sweeps.dimensions import STAYS, Dimension
from cnnlab.sweeps.values import VALIDATION_SHARE, Method, SweepConfig
from cnnlab.text import duration_text
from cnnlab.twins import changeable
from pages._parts.forms.dimension import dimension
from pages._parts.forms.order import in_order
from pages._parts.forms.settings import draw, in_titles
from pages._parts.language import in_links
from pages._parts.markdown import escaped, labelled, quoting
from pages._parts.one_choice import choice_in_dialog
from pages._parts.shell import dialog
from pages._parts.visitor import visitor

ASKED = "settings of which several values are to be tried"
TOKEN = "token of the sweep"  # noqa: S105  # names a form, not a secret
RUNS_PAGE = "pages/runs.py"
MOST = 4  # settings that vary
LONGEST = 80  # characters of a name
FIRST = ("learning_rate", "batch_size", "optimizer", "schedule")  # proposed in this order
METHODS: dict[Method, tuple[str, str]] = {
    "grid": (
        N_("All combinations"),
        N_("Every combination of the values is trained once. Best for one or two settings with few values."),
    ),
    "random": (
        N_("Random"),
        N_(
            "Each run draws its values by chance. With several settings this finds as much with fewer runs, because no run repeats "
            "a value of the one that matters."
        ),
    ),
    "tpe": (
        N_("Guided search"),
        N_(
            "The first runs draw by chance, later ones prefer values near those that did well (Optuna, TPE). Best for 15 runs or "
            "more."
        ),
    ),
}


def several_values(
    lab: Lab, config: RunConfig, *, key: str, name: str = "", seconds: float | None = None, disabled: bool = False
) -> None:  # fmt: skip
    """Draws the button, and the dialog once it is pressed.

    `name` is that of the sweep; without one it is the network's. `seconds` is how long such a run took.
    """
    pressed = st.button(
        _("Try several values"), icon=":material/tune:", key=f"several {key}", type="tertiary",
        disabled=disabled,
        help=_("Trains these settings with several values of one to four of them, and shows which did best."),
    )  # fmt: skip
    if pressed and not disabled:
        st.session_state[ASKED], st.session_state[TOKEN] = config, uuid.uuid4().hex
    # Kept until the dialog is closed: the page is drawn again whenever a run changes its state.
    if st.session_state.get(ASKED) == config:
        title = _("Try several values")
        dialog(title, _dialog, icon=":material/tune:", width="large", on_dismiss=_forget)(lab, config, name, seconds)
    else:
        _forget()


def _forget() -> None:
    st.session_state.pop(ASKED, None)


def _dialog(lab: Lab, config: RunConfig, name: str, seconds: float | None) -> None:
    key = f"several:{st.session_state[TOKEN]}"
    method = choice_in_dialog(
        _("How to choose the values"), f"{key}: method", {each: translated(words) for each, (words, _text) in METHODS.items()},
        help="\n\n".join(
            _("**{title}**: {text}").format(title=translated(words), text=translated(text)) for words, text in METHODS.values()
        ),
    )  # fmt: skip
    st.caption(translated(METHODS[method][1]))
    count = choice_in_dialog(
        _("How many settings to vary"), f"{key}: count", {each: str(each) for each in range(1, MOST + 1)},
        help=_("With each further setting, many more combinations are possible: begin with one or two."),
    )  # fmt: skip
    dimensions = _dimensions(config, count, key, ranges=method != "grid")
    sweep = _sweep(config, dimensions, _budget(config, method, key) | {"method": method})
    if sweep:
        st.caption(escaped(_what_starts(lab, sweep, seconds)))
    pressed = st.button(_("Start"), type="primary", icon=":material/play_arrow:", key="several: start", disabled=sweep is None)
    if pressed and sweep:
        _start(lab, sweep, name)


def _dimensions(config: RunConfig, count: int, key: str, *, ranges: bool) -> list[Dimension | None]:
    """A row of controls for each setting that varies; None where its values are wrong."""
    names = ["architecture", *in_order((*changeable(config), "seed"), config)]
    left, found = [name for name in names if name not in STAYS], []
    for number in range(1, count + 1):
        proposal = next((name for name in FIRST if name in left), left[0])
        chosen, made = dimension(config, left, proposal, f"{key}: {number}", ranges=ranges)
        left = [name for name in left if name != chosen]
        found.append(made)
    return found


def _budget(config: RunConfig, method: Method, key: str) -> dict[str, Any]:
    """The controls of what a sweep may take and of the images that choose; what they hold need not be allowed."""
    fields, share = SweepConfig.model_fields, f"{key}: validation share"
    columns, values = iter(st.columns(3)), {}
    if method != "grid":
        values["runs"] = next(columns).number_input(
            _("Number of runs"), step=1, value=12, key=f"{key}: runs", help=translated(fields["runs"].description)
        )
    values["minutes"] = next(columns).number_input(
        _("Minutes"),
        step=5,
        value=None,
        key=f"{key}: minutes",
        placeholder=_("no limit"),
        help=translated(fields["minutes"].description),
    )
    st.session_state.setdefault(share, config.validation_share or VALIDATION_SHARE)
    with next(columns):
        values["validation_share"] = draw(setting("validation_share"), share)
    st.caption(
        _("Images kept aside from the training choose the best values, so that the test images choose nothing.")
        if values["validation_share"]
        else _("The test images choose the best values, so the best test accuracy will be too good: keep a validation share aside.")
    )
    values["prune"] = st.toggle(_("Stop hopeless runs early"), key=f"{key}: prune", help=translated(fields["prune"].description))
    return values


def _sweep(config: RunConfig, dimensions: list[Dimension | None], values: dict[str, Any]) -> SweepConfig | None:
    """The sweep; None, and the reason on the page, where it is not allowed."""
    given = [each for each in dimensions if each is not None]
    try:
        base = config.change(validation_share=values.pop("validation_share"))
        if len(given) < len(dimensions):  # the control shows the reason
            return None
        return SweepConfig.make(base=base, dimensions=tuple(given), **{k: v for k, v in values.items() if v is not None})
    except ConfigError as error:
        own = SweepConfig.model_fields.get(error.field)
        text = labelled(error, error.field, own.title or error.field) if own else in_titles(error)
        st.error(quoting(text), icon=":material/error:")
        return None


def _what_starts(lab: Lab, sweep: SweepConfig, took: float | None) -> str:
    """How many runs, and how long they may take: "Trains 9 runs: 3 × 3 combinations. One takes about 30 seconds, …"."""
    count, each = sweep.total, took or _seconds(lab, sweep.base)
    sizes = " × ".join(str(len(one.choices or ())) for one in sweep.dimensions)
    if sweep.method == "grid" and len(sweep.dimensions) > 1:
        trains = _("Trains {count} runs: {sizes} combinations.").format(count=count, sizes=sizes)
    else:
        trains = _("Trains {count} runs.").format(count=count)
    if each is None:
        return together(trains, _("How long one of them takes is not known yet."))
    takes = (
        _("One takes about {time}, all of them about {total}, less where two train side by side or hopeless ones are stopped.")
        if sweep.prune
        else _("One takes about {time}, all of them about {total}, less where two train side by side.")
    ).format(time=duration_text(each), total=duration_text(count * each))
    done = ""
    if sweep.minutes and (fit := int(60 * sweep.minutes / each)) < count:
        done = _("In {time} about {count} of them are done.").format(time=duration_text(60 * sweep.minutes), count=fit)
    return together(trains, takes, done)


def _seconds(lab: Lab, config: RunConfig) -> float | None:
    """How long a run takes, as far as it is known without a measurement."""
    try:
        need = lab.forecast(config, calibrate=False) if lab.ready() else None
    except CNNLabError:  # the start shows the reason
        return None
    return need and (need.seconds_total or need.rough_seconds)


def _start(lab: Lab, sweep: SweepConfig, name: str) -> None:
    base = " ".join(name.split())[:LONGEST] or sweep.base.network
    try:
        sweep_id = lab.sweeps.start(sweep, name=base, owner=visitor(), token=st.session_state[TOKEN])
    except CNNLabError as error:
        st.error(quoting(in_titles(error)), icon=":material/error:")
        return
    _forget()
    st.switch_page(RUNS_PAGE, query_params={"sweep": sweep_id} | in_links())
