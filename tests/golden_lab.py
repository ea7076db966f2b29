"""A lab whose runs differ in every figure, for texts of pages in which no two values can be mistaken for each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from golden_text import NOW, same_every_time
from page_fakes import PIXEL
from page_runs import RunsLab
from page_text import page_text
from streamlit.testing.v1 import AppTest

from cnnlab.config import RunConfig
from cnnlab.errors import CheckpointError
from cnnlab.events import EpochDone, Progress, RunStarted
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.values import Disagreement, DisagreementPage, Picture

TRAINED = {"epochs": 4, "batch_size": 64, "learning_rate": 0.1}
CLASSES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay")


def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """`same_every_time`, and the store's clock begins two days earlier, so that no run is made in the future."""
    same_every_time(monkeypatch)
    moments = (NOW - 172_800 + 600 * number for number in itertools.count())
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", {"clock": lambda: next(moments)})


def with_steps(app: AppTest) -> str:
    """The page as text, with the buttons that stand out, and without the table of all runs, of which their names are left."""
    primary = [each.label for each in app.button if each.proto.type == "primary"]
    kept, table = [f"stands out: {', '.join(primary)}"], -1
    for line in page_text(app).splitlines():
        indent = len(line) - len(line.lstrip())
        if table >= 0 and indent > table and not line.strip().startswith("Run:"):
            continue
        table = indent if "alt=All runs" in line else -1 if indent <= table else table
        kept.append(line)
    return "\n".join(kept) + "\n"


def in_rows(text: str) -> str:
    """The text of a page with the rows of its HTML tables and the boxes of its drawings on one line each."""
    lines: list[str] = []
    begins = ("table", "tr", "li", "ol", "ul", "div", "p:", "caption:")
    within = -1
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if indent <= within:
            within = -1
        if within >= 0 and indent == within + 2 and not line.lstrip().startswith(begins):
            lines[-1] += f" · {line.strip()}"
        else:
            lines.append(line)
        if line.strip() == "html" and indent >= 4:
            within = indent
    return "\n".join(lines) + "\n"


class ManyRuns(RunsLab):
    """RunsLab with runs that their tests fill in, and the answers that the page of all runs asks for."""

    apart: CheckpointError | None = None
    asked_for_disagreements: list[tuple]

    def add(
        self, name: str, accuracies: Sequence[float] = (), state: State = State.FINISHED, *, owner: str = "",
        tags: Sequence[str] = (), parameters: int = 61_706, seconds: float = 8.0, device: str = "cpu",
        validation: float | None = None, **settings: object,
    ) -> str:  # fmt: skip
        """A run after as many epochs as it has accuracies; it took `seconds` for the first, and one more for each other."""
        config = RunConfig.make(**(TRAINED | settings))
        run_id = self.store.create(config, f"{name} {config.seed} {owner}", name, owner=owner)
        self.store.tag(run_id, add=list(tags))
        if state is State.QUEUED:
            return run_id
        self.store.transition(run_id, State.STARTING, device=device)
        title = {"cpu": "CPU, 2 cores"}.get(device, "NVIDIA H100")
        self.store.add(run_id, RunStarted(device, title, parameters, 6_000, 1_000, 94, config.epochs, 10), to=State.RUNNING)
        self.store.add(run_id, Progress(1, 12, 94, 12, 2.25, 0.125, 9_500.0, 0.1, 0.05, 4.0, 80.0))
        for number, accuracy in enumerate(accuracies, 1):
            took = seconds + number - 1
            self.store.add(
                run_id,
                EpochDone(
                    number, 94 * number, 2.0 - accuracy, accuracy - 0.0625, 2.5 - accuracy, accuracy, 0.1 / number, took, 0.5,
                    took - 1.5, 1.0, None if validation is None else 2.25 - accuracy, validation and validation + accuracy,
                ),
            )  # fmt: skip
            self.store.add(
                run_id, Progress(number, 94, 94, 94 * number, 2.0, 0.5, 9_500.0, 0.1, number / 9, number * seconds + 0.5, 80.0)
            )
        for step in {State.PAUSED: (State.PAUSING,), State.STOPPED: (State.STOPPING,)}.get(state, ()):
            self.store.transition(run_id, step)
        if state is not State.RUNNING:
            self.store.transition(run_id, state, message="It went wrong." if state is State.FAILED else "")
        return run_id

    def disk_bytes(self, run_id):
        return 1_250_000 * int(run_id, 16)

    def disagreements(self, first, second, *, right="any", offset=0, count=40):
        """47 images of 200; the first is right on every third, the second on the next, both are wrong on the third."""
        self.asked_for_disagreements = [*getattr(self, "asked_for_disagreements", []), (first, second, right, offset, count)]
        if self.apart:
            raise self.apart
        guesses = {"first": (0, 1), "second": (3, 0), "neither": (4, 2)}  # added to the label
        kinds = [list(guesses)[place % 3] for place in range(47)]
        items = tuple(
            Disagreement(
                Picture(4 * place, place % 10, PIXEL), tuple((place % 10 + more) % 10 for more in guesses[kind]),
                (0.5 + place / 100, 0.95 - place / 100),
            )
            for place, kind in enumerate(kinds)
            if right in ("any", kind)
        )  # fmt: skip
        return DisagreementPage(CLASSES, 200, (3, 2), 130, 16, 21, 10, len(items), items[offset : offset + count])


def fill(lab: ManyRuns) -> dict[str, str]:
    """Runs in every state, of three owners; returns their ids by name. The first has two more of other seeds."""
    return {
        "base": lab.add("Base <b>", (0.5, 0.75, 0.6875, 0.7), tags=("final", "homework 3"), owner="Ana"),
        "seed": lab.add("Base <b>", (0.45, 0.65, 0.6775, 0.66), seed=7, seconds=6, owner="Ana"),
        "fast": lab.add(
            "Fast", (0.55, 0.85, 0.8125), learning_rate=0.5, optimizer="adam", batch_size=128, epochs=3, seconds=4.25,
            options={"activation": "relu"}, tags=("final",),
        ),
        "mlp": lab.add(
            "Dense on digits", (0.9, 0.925), State.RUNNING, architecture="mlp", dataset="mnist", parameters=89_610, seconds=2.5,
            owner="Ben", epochs=5, device="cuda:0",
        ),
        "paused": lab.add(
            "", (0.25,), State.PAUSED, architecture="resnet9", dataset="cifar10", parameters=6_573_130, seconds=71, owner="Ben",
            validation=0.0625, validation_share=0.125, weight_decay=0.0005,
        ),
        "failed": lab.add("Broken", (), State.FAILED, learning_rate=30.0, owner="Ana"),
        "stopped": lab.add(
            "Ended", (0.125, 0.375), State.STOPPED, epochs=9, options={"dropout": 0.25, "activation": "tanh"}, seconds=11,
        ),
        "lost": lab.add("Lost", (0.5625,), State.INTERRUPTED, seconds=13, seed=3),
        "waits": lab.add("Waits", state=State.QUEUED, dataset="fashion-mnist", limit=5_000),
    }  # fmt: skip
