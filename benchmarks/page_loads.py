"""One visitor alone: each page's first load, and each control of Design."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from benchmarks.figures import figure
from benchmarks.visitor import Answer, Visitor, Widget, visiting

PAGES = {"": "Design", "data": "Data", "train": "Train, the form", "runs": "Runs", "predict": "Predict"}
SETTLED = 0.2  # seconds until a server that has answered has also tidied up

Changes = dict[tuple[str, str, str], list[tuple[Answer, list[str]]]]


async def first_loads(address: str, run_id: str, rounds: int) -> dict[str, dict[str, Any]]:
    """Milliseconds and bytes by title: a new tab each time, on a server that has drawn each page before."""
    pages = [(title, page, "") for page, title in PAGES.items()] + [("Train, a run", "train", f"run={run_id}")]
    taken: dict[str, list[Answer]] = {title: [] for title, _, _ in pages}
    for _ in range(rounds + 1):
        for title, page, query in pages:
            async with visiting(address, page, query) as tab:
                taken[title].append(await tab.load())
            await asyncio.sleep(SETTLED)
    return {
        title: {
            "time": figure([1000 * answer.seconds for answer in answers[1:]], "ms"),
            "bytes": figure([answer.bytes / 1000 for answer in answers[1:]], "kB"),
        }
        for title, answers in taken.items()
    }


async def design_controls(address: str, architectures: list[str], rounds: int) -> list[dict[str, Any]]:
    """Every control of every given network, changed to something the lab has not been asked before, and put back.

    A record for each: "family", "control" (its key on the page), "change" ("new" or "back"), and of each round "ms", "bytes" and
    "alerts", the warnings and errors that the page then showed.
    """
    found: Changes = {}
    async with visiting(address, "") as tab:
        await tab.load()
        for turn in range(rounds):
            for family in architectures:
                await _family(tab, family, turn, found)
    return [
        {"family": family, "control": control, "change": change}
        | {"ms": [1000 * answer.seconds for answer, _ in each], "bytes": [answer.bytes for answer, _ in each]}
        | {"alerts": [alert for _, alerts in each for alert in alerts]}
        for (family, control, change), each in found.items()
    ]


async def _family(tab: Visitor, family: str, turn: int, found: Changes) -> None:
    def note(control: str, change: str, answer: Answer) -> None:
        found.setdefault((family, control, change), []).append((answer, list(tab.alerts)))

    note("architecture", "new", await _choose(tab, "design:architecture", family))
    # Another number of classes in each turn, so that no answer is one that the lab remembers.
    note("classes", "new", await tab.set(_named(tab)[f"design:{family}:classes"], 11.0 + turn))
    for key in [key for key in _named(tab) if key.startswith(f"design:{family}:") and not key.endswith(":classes")]:
        widget = tab.widgets[_named(tab)[key]]
        before, control = widget.value, key.rpartition(":")[2]
        note(control, "new", await tab.set(_named(tab)[key], _neighbour(widget)))
        note(control, "back", await tab.set(_named(tab)[key], before))
        if tab.alerts:
            raise RuntimeError(f"{family}, {control} put back to {before!r}: {' '.join(tab.alerts)}")
    second = "lenet" if family != "lenet" else "vgg"
    note("compare", "new", await _choose(tab, "design:compare", second))
    note("compare", "back", await _choose(tab, "design:compare", None))


def _named(tab: Visitor) -> dict[str, str]:
    """Ids of this page's widgets by the key that the page gave them, which ends the id."""
    keys = {id_: id_.removeprefix("$$ID-").partition("-")[2] for id_ in tab.widgets}
    return {key: id_ for id_, key in keys.items() if key.startswith("design:")}


async def _choose(tab: Visitor, key: str, architecture: str | None) -> Answer:
    """Picks an architecture from a list by its place there, as the list shows titles; None is the first entry."""
    from cnnlab import architectures  # noqa: PLC0415

    id_ = _named(tab)[key]
    options = list(tab.widgets[id_].definition.options)
    names = [card.name for card in architectures.cards()]
    if architecture is None:
        return await tab.set(id_, options[0])
    return await tab.set(id_, options[len(options) - len(names) + names.index(architecture)])


def _neighbour(widget: Widget) -> Any:
    """Another value that the control allows, near the one that it holds."""
    said, value = widget.definition, widget.value
    if widget.kind == "number_input":
        return value + said.step if not said.has_max or value + said.step <= said.max else value - said.step
    if widget.kind == "checkbox":
        return not value
    if widget.kind == "button_group":
        return [next(option.content for option in said.options if [option.content] != value)]
    if widget.kind == "text_input":  # whole numbers with commas between them
        return re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), value)
    options = list(said.options)
    place = options.index(value)
    return options[place + 1] if place + 1 < len(options) else options[place - 1]
