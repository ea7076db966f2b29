"""The command that lists sweeps, and the table of one sweep's trials."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cnnlab.cli.commands import AsJson, Home, print_json, print_text, readable
from cnnlab.config_words import title, words
from cnnlab.i18n import N_, _, together, translated
from cnnlab.run_names import named
from cnnlab.runs.store import Store
from cnnlab.runs.sweep_store import SweepStore
from cnnlab.sweeps.values import Sweep, Trial
from cnnlab.text import aligned, in_sentence, percent, shortened

ENDED = ("finished", "pruned", "failed")
_STATES = {  # of sweeps and of their trials
    "queued": N_("queued"), "running": N_("running"), "finished": N_("finished"), "stopped": N_("stopped"), "failed": N_("failed"),
    "pruned": N_("stopped early"),
}  # fmt: skip


def sweeps(
    sweep_id: Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep's id: lists its trials.", show_default=False)] = "",
    *,
    as_json: AsJson = False,
    home: Home,
) -> None:
    """List the lab's sweeps, the newest first, or the trials of one, the best first."""
    with closing(Store(home)) as store:
        recorded = SweepStore(store)
        found = (recorded.sweep(readable(sweep_id)),) if sweep_id else recorded.sweeps()
    if as_json:
        print_json(described(found[0]) if sweep_id else {"sweeps": [described(sweep) for sweep in found]})
    elif sweep_id:
        print_text("\n\n".join(filter(None, (state_sentence(found[0]), table(found[0])))))
    elif not found:
        command = "python -m cnnlab sweep lenet --recipe lenet-sample --vary batch_size=32,64,128"
        print_text(_("There are no sweeps yet. Try: {command}").format(command=command))
    else:
        columns = _("sweep|state|runs|best accuracy|made|owner|name").split("|")
        print_text(aligned(columns, [_row(sweep) for sweep in found], right=columns[2:4]))


def described(sweep: Sweep) -> dict[str, Any]:
    """The sweep as a JSON document."""
    best = sweep.best
    return {
        **{name: getattr(sweep, name) for name in ("id", "name", "owner", "created", "ended", "state", "message", "goal", "tag")},
        "config": sweep.config.model_dump(mode="json"),
        "best": best and best.run_id,
        "trials": [asdict(trial) for trial in sweep.trials],
    }


def state_sentence(sweep: Sweep) -> str:
    """What a sweep is doing: "Sweep a1b2c3d4 is finished: 12 of 12 runs, 3 stopped early."."""
    text = _("Sweep {sweep} is {state}: {done:,} of {total:,} runs.")
    if early := sweep.count("pruned"):
        text = _("Sweep {sweep} is {state}: {done:,} of {total:,} runs, {early:,} stopped early.")
    counts = {"done": sweep.count(*ENDED), "total": sweep.config.total, "early": early}
    return together(text.format(sweep=sweep.id, state=_state(sweep.state), **counts), translated(sweep.message))


def _state(state: str) -> str:
    return translated(_STATES.get(state, state))


def table(sweep: Sweep, count: int = 200) -> str:
    """The trials, the best first; "" where there are none."""
    if not sweep.trials:
        return ""
    architecture = sweep.config.base.architecture
    names = [each.setting for each in sweep.config.dimensions]
    titles = [in_sentence(title(name, architecture)) for name in names]
    goal = translated(sweep.goal)
    columns = _("state|epochs|seconds|run").split("|")
    ranked = sorted(sweep.trials, key=lambda trial: -1.0 if trial.accuracy is None else trial.accuracy, reverse=True)
    rows = [_trial_row(trial, names) for trial in ranked[:count]]
    return aligned((goal, *titles, *columns), rows, right=(goal, *columns[1:3]))


def _trial_row(trial: Trial, names: list[str]) -> tuple[str, ...]:
    state = _state(trial.state)
    if trial.state == "failed" and trial.message:
        state = _("{state}: {reason}").format(state=state, reason=shortened(translated(trial.message), quoted=False))
    return (
        percent(trial.accuracy),
        *(words(name, trial.values[name]) for name in names),
        state,
        f"{trial.epochs_done}/{trial.epochs}",
        "–" if trial.seconds is None else f"{trial.seconds:,.1f}",
        trial.run_id,
    )


def _row(sweep: Sweep) -> tuple[str, ...]:
    made = datetime.fromtimestamp(sweep.created, UTC).astimezone()
    best = percent(sweep.best.accuracy if sweep.best else None)
    runs = f"{sweep.count(*ENDED)}/{sweep.config.total}"
    name = named(sweep.name, sweep.config.base.network, sweep.config.base.dataset)
    return (sweep.id, _state(sweep.state), runs, best, f"{made:%Y-%m-%d %H:%M}", sweep.owner, name)
