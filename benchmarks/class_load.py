"""A class: thirty students and a teacher, signed in, train, look and hand in for minutes on one machine.

They are clients that speak Streamlit's protocol in one process of the same machine, so its processor time counts as the class's.
Between windows in which the teacher or the whole class acts stand others in which nobody does; runs of the class train in all.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.class_people import Measured, Student, Teacher
from benchmarks.class_windows import Turns, costs
from benchmarks.fetcher import sign_in
from benchmarks.figures import figure, table, text
from benchmarks.serving import Server, serving
from benchmarks.stolen import CALM
from benchmarks.visitor import run as run_visits
from benchmarks.visitor import visiting
from cnnlab import presets
from cnnlab.access import classes
from cnnlab.access.roles import Role
from cnnlab.assignments import Task
from cnnlab.lab import Lab

STUDENTS = 30
EPOCHS = 20  # of each run: long enough that some always wait, as one that trains alone is faster and no measure for two
REST = (5.0, 25.0)  # seconds between two steps of a student
NOBODY, TEACHER, CLASS = 12.0, 12.0, 40.0  # seconds of a window
_SMALL = {"students": 3, "epochs": 1, "rest": (0.1, 0.2), "windows": (0.1, 0.2, 2.0)}
_USUAL = {"students": STUDENTS, "epochs": EPOCHS, "rest": REST, "windows": (NOBODY, TEACHER, CLASS)}


def measure(small: bool, rounds: int) -> dict[str, Any]:
    """A round takes 80 seconds, and the beginning and the end a minute or two."""
    size = _SMALL if small else _USUAL
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        codes = _make_class(home, size["students"])
        with serving(home) as server:
            lab = Lab(home)
            try:
                while not lab.ready():  # the teacher has opened the lab before the class
                    time.sleep(0.1)
                return run_visits(_measure(server, lab, codes, size, 1 if small else rounds))
            finally:
                lab.close()


def _make_class(home: Path, students: int) -> dict[str, str]:
    """Codes by name; the teacher is the first."""
    group, codes = classes.new_class("Autumn"), {}
    for name in ("Teacher", *(f"Student {number}" for number in range(1, students + 1))):
        group, codes[name] = group.with_member(name, Role.STUDENT if codes else Role.TEACHER)
    classes.save(home, group)
    return codes


async def _measure(server: Server, lab: Lab, codes: dict[str, str], size: dict[str, Any], rounds: int) -> dict[str, Any]:
    config = presets.preset("lenet-sample").config(epochs=size["epochs"])
    task = Task.make(title="A learning rate", config=config, free=("learning_rate",), target=0.5)
    assignment = lab.assignments.make(task, teacher="Teacher")
    seen, entered = Measured(), Measured()
    async with AsyncExitStack() as stack:
        began = time.perf_counter()

        async def enter(name: str, code: str) -> tuple[float, Any]:
            cookie = await sign_in(server.address, code)
            took = time.perf_counter() - began
            return took, await stack.enter_async_context(visiting(server.address, "learn", cookie=cookie))

        doors = await asyncio.gather(*(enter(*each) for each in codes.items()))
        names = list(codes)
        teacher = Teacher(names[0], doors[0][1], seen, size["rest"], assignment.id)
        students = [
            Student(name, tab, seen, size["rest"], assignment.id) for name, (_, tab) in zip(names[1:], doors[1:], strict=True)
        ]
        await asyncio.gather(*(entered.note("first", person.tab.load()) for person in (teacher, *students)))
        turns = Turns(server, teacher, students, size["windows"])
        # Everybody's first step, which starts a run, so that the queue is full in all windows.
        await turns.window("class", size["rest"][1])
        windows = await turns.rounds(rounds)
        _report(f"{rounds} rounds")
        await asyncio.gather(*(student.finish() for student in students))
        _report("handed in")
        await teacher.open("The assignment, its table", "learn", f"assignment={assignment.id}")
    found = _found(lab, students, assignment)
    record = {
        "students": len(students),
        "epochs": size["epochs"],
        "rest": size["rest"],
        "windows": size["windows"],
        "rounds": rounds,
        "sign_in": figure([took for took, _ in doors], "s"),
        "first": figure([1000 * answer.seconds for answer in entered.pages["first"]], "ms"),
        "pages": {title: _times(answers) for title, answers in seen.pages.items()},
        "all": _times([answer for answers in seen.pages.values() for answer in answers]),
        "polls": _times(seen.polled.polls) if seen.polled.polls else None,
        "refreshes": _times(seen.polled.drawn),
        "late": seen.polled.late,
        "unchanged": seen.polled.left_out,
        "load_after": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "cores": os.cpu_count() or 1,
        **costs(windows),
        **found,
    }
    if len(students) == STUDENTS:
        record["targets"] = {"class_page_p95": record["all"]["p95"], "class_lost": float(len(found["lost"]))}
        record["targets"]["class_teacher"] = record["teacher"]["median"] / record["cores"]
        if (less := _less(record["processor"])) is not None:
            record["targets"]["class_training_loses"] = less
    return record


def _less(processor: dict[str, dict[str, float]]) -> float | None:
    """Per cent of its processor time that the training lacks while the class acts; None where nothing trained without it.

    It is steadier than the seconds of epochs.
    """
    alone = processor["nobody"]["training"]
    return 100 * (1 - processor["class"]["training"] / alone) if alone else None


def _report(step: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {step}: done", file=sys.stderr, flush=True)


def _times(answers: Sequence[Any]) -> dict[str, Any]:
    return figure([1000 * answer.seconds for answer in answers], "ms")


def _found(lab: Lab, students: list[Student], assignment: Any) -> dict[str, Any]:
    """What is in the record at the end, and a sentence for each thing that is not."""
    runs = [run for run in lab.summaries().runs if assignment.tag in run.tags]
    table_ = {each.run_id: each.learner for each in lab.assignments.handed_in(assignment)}
    problems = []
    for student in students:
        own = [run for run in runs if run.owner == student.name]
        if len(own) != student.started:
            problems.append(f"{student.name} started {student.started} runs, and {len(own)} are in the record.")
        if table_.get(student.handed_in) != student.name:
            problems.append(f"{student.name} handed in {student.handed_in}, which is not in the table.")
        problems += [f"The run {run.id} of {student.name} has failed." for run in own if run.state == "failed"]
    started = sum(student.started for student in students)
    return {"started": started, "in_record": len(runs), "handed_in": len(table_), "lost": problems}


def render(record: dict[str, Any]) -> str:
    rows = [(title, text(one), _p95(one)) for title, one in sorted(record["pages"].items(), key=lambda each: each[0])]
    rows.append(("**all**", text(record["all"]), _p95(record["all"])))
    rows.append(("a refresh of a part of a page", text(record["refreshes"]), _p95(record["refreshes"])))
    if record["polls"]:
        rows.append(("a poll of a run", text(record["polls"]), _p95(record["polls"])))
    names = {"nobody": "nobody", "teacher": "the teacher's page open", "class": "the whole class"}
    windows = [
        (
            title,
            text(record["epoch"][who]) if who in record["epoch"] else "–",
            *(f"{100 * record['processor'][who][name]:.1f} %" for name in ("clients", "web", "training")),
            f"{100 * _others(record['processor'][who]):.0f} %",
        )
        for who, title in names.items()
    ]
    nobody, teacher, whole = record["windows"]
    load = f" Load average after it: {record['load_after']:.2f}." if record["load_after"] is not None else ""
    loses = text(record["training_loses"]) if "training_loses" in record else "not measured"
    less = _less(record["processor"])
    has_less = "an unknown share less" if less is None else f"{less:.1f} % less"
    left_out, of = record["left_out"]
    # Of a class the browsers are on other machines.
    clients = 100 * record["processor"]["class"]["clients"] / record["cores"]
    students, other = record["students"], f"gave more than {100 * CALM:.0f} % of its processors to others"
    return "\n".join(
        [
            f"{students} students and a teacher; rounds: {record['rounds']}, of four windows each: {nobody:g} s without anybody, "
            f"{teacher:g} s with the teacher's page alone, {nobody:g} s without, {whole:g} s with all. A student takes a step "
            f"every {record['rest'][0]:g} to {record['rest'][1]:g} s. Runs are LeNet on the sample; epochs of each: "
            f"{record['epochs']}.{load}\n",
            table(("request", "server time", "p95"), rows),
            f"Everybody signs in at the same moment: {text(record['sign_in'])} until the cookie is there; then everybody opens "
            f"Learn at the same moment: {text(record['first'])}. Polls that were due before the previous one was answered: "
            f"{record['late']}. Refreshes that the server left out, as nothing had changed: {record['unchanged']:,}.\n",
            table(("who acts", "an epoch", "clients", "web", "dispatcher and training", "other programs"), windows),
            f"Processor time is in per cent of one core of {record['cores']}. While the class acts the training has {has_less} "
            f"of it. By the seconds of its epochs it loses {loses}, against the windows before and after; {left_out} of {of} "
            f"windows are left out, because the host of this virtual machine {other}. The teacher's page costs the web "
            f"process {text(record['teacher'])} of a core. The clients take {clients:.1f} % of the machine, which is a part of "
            f"what it loses.\n",
            f"Started: {record['started']} runs, in the record: {record['in_record']}; handed in: {record['handed_in']} of "
            f"{students}. " + (" ".join(record["lost"]) or "Nothing was lost.") + "\n",
        ]
    )


def _p95(one: dict[str, Any]) -> str:
    return f"{one['p95']:,.0f} ms" if "p95" in one else "–"


def _others(processor: dict[str, float]) -> float:
    return max(0.0, processor["machine"] - processor["clients"] - processor["web"] - processor["training"])
