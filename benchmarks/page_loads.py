"""A single visitor: each page's first load, and each control of Design."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from benchmarks.figures import figure
from benchmarks.visitor import Answer, Visitor, Widget, visiting

PAGES = {"": "Design", "data": "Data", "train": "Train, the form", "runs": "Runs", "predict": "Predict"}
SETTLED = 0.2  # seconds until a server has cleaned up after its answer

Changes = dict[tuple[str, str, str], list[tuple[Answer, list[str]]]]


async def first_loads(address: str, run_id: str, rounds: int) -> dict[str, dict[str, Any]]:
    """Milliseconds and bytes by title, in a new tab each time, on a server that has drawn each page before."""
    pages = [(title, page, "") for page, title in PAGES.items()] + [
        ("Train, a run", "train", f"run={run_id}"),
        ("Inside", "inside", f"run={run_id}"),
    ]
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
    """Changes every control of every given network to a value that is not cached yet, and back.

    A record each: "family", "control" (its key on the page), "change" ("new" or "back"), and for each round "ms", "bytes" and
    "alerts", the warnings and errors that the page showed.
    """
    changes: Changes = {}
    async with visiting(address, "") as tab:
        await tab.load()
        for turn in range(rounds):
            for family in architectures:
                await _family(tab, family, turn, changes)
    return [
        {"family": family, "control": control, "change": change}
        | {"ms": [1000 * answer.seconds for answer, _ in answers], "bytes": [answer.bytes for answer, _ in answers]}
        | {"alerts": [alert for _, alerts in answers for alert in alerts]}
        for (family, control, change), answers in changes.items()
    ]


async def _family(tab: Visitor, family: str, turn: int, changes: Changes) -> None:
    def note(control: str, change: str, answer: Answer) -> None:
        changes.setdefault((family, control, change), []).append((answer, list(tab.alerts)))

    note("architecture", "new", await _choose(tab, "design:architecture", family))
    # A different number of classes in each turn, so that no answer comes from the lab's cache.
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
    """The ids of this page's own widgets by their keys."""
    return {key: id_ for key, id_ in tab.keys.items() if key.startswith("design:")}


async def _choose(tab: Visitor, key: str, architecture: str | None) -> Answer:
    """Picks an architecture from a list by position, because the list shows titles; None is the first entry."""
    from cnnlab import architectures  # noqa: PLC0415

    id_ = _named(tab)[key]
    options = list(tab.widgets[id_].definition.options)
    names = [card.name for card in architectures.cards()]
    if architecture is None:
        return await tab.set(id_, options[0])
    return await tab.set(id_, options[len(options) - len(names) + names.index(architecture)])


def _neighbour(widget: Widget) -> Any:
    """Another allowed value of the control, next to its current one."""
    definition, value = widget.definition, widget.value
    if widget.kind == "number_input":
        step = definition.step
        return value + step if not definition.has_max or value + step <= definition.max else value - step
    if widget.kind == "checkbox":
        return not value
    if widget.kind == "button_group":
        return [next(option.content for option in definition.options if [option.content] != value)]
    if widget.kind == "text_input":  # whole numbers separated by commas
        return re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), value)
    options = list(definition.options)
    place = options.index(value)
    return options[place + 1] if place + 1 < len(options) else options[place - 1]
