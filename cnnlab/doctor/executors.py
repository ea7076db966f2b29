"""The places beyond this machine: does the launcher start our program there, with which torch, devices and data?"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from cnnlab.doctor.findings import Finding, look, right, wrong
from cnnlab.errors import ConfigError
from cnnlab.executors import lines, settings, slurm, versions
from cnnlab.executors.lines import PipeError
from cnnlab.executors.settings import Executor
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

SECONDS = 90.0  # for a free node and torch from a slow disk
_RUN = "check"  # in place of a run's id


def executors(home: Path) -> list[Finding]:
    """A finding for each executor of the host's file; none without a file."""
    try:
        places = settings.load(home)
    except ConfigError as error:
        return [wrong("Executors", str(error), "Correct that file: until then runs train on this machine alone.")]
    return [finding for place in places.values() for finding in examined(place, *_asked(place))]


def examined(place: Executor, answer: dict[str, Any], problem: str) -> list[Finding]:
    """`answer` is what ``remote --check`` prints there; {} and the problem where nothing came."""
    name = f"Executor {place.name}"
    if not answer:
        cure = say("Try it by hand: {command}", command=" ".join(place.command(_RUN, "--check")))
        sentence = say("{place} did not start the training program ({reason}).", place=place.words, reason=problem)
        return [wrong(name, sentence, cure)]
    if answer.get("cnnlab") != lines.PROTOCOL:
        sentence = say("{program} there is another version of CNN Lab.", program=place.program)
        return [wrong(name, sentence, "Install the same version there.")]
    node, usable = answer["node"], [each for each in answer["devices"] if not each["problem"]]
    devices, data = ", ".join(each["title"] for each in usable), ", ".join(answer["datasets"])
    text = N_("{node}: torch {version}, {devices}; data: {data}.")
    found = say(text, node=node, version=answer["torch"], devices=devices, data=data)
    if difference := versions.difference(versions.here(), answer, node):
        cure = say("Install the same versions in {program} and for {python}.", program=place.program, python=place.python)
        return [look(name, " ".join((found, difference)), cure)]
    if place.device != "auto" and not any(each["name"].startswith(place.device) for each in usable):
        sentence = " ".join((found, say("It has no {device}.", device=place.device)))
        return [wrong(name, sentence, "Correct device in the file of executors, or the launcher.")]
    if answer["datasets"] == ["sample"]:
        return [look(name, found, "Runs on other data fail there: put data sets into a folder of the node, and name it as data.")]
    return [right(name, found)]


def _asked(place: Executor) -> tuple[dict[str, Any], str]:
    command = place.command(_RUN, "--check", *([place.data] if place.data else []))
    try:
        done = subprocess.run(  # noqa: S603 - the host's own command
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", errors="replace",
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        if place.kind == "slurm":
            slurm.cancel(place, _RUN)
        return {}, say("no answer within {seconds:.0f} s, as while no node is free", seconds=SECONDS)
    except OSError as error:
        return {}, str(error)
    for text in done.stdout.splitlines():
        try:
            if "cnnlab" in (line := lines.read(text.encode())):
                return line, ""
        except PipeError:
            continue  # what a shell prints for each login
    words = done.stderr.strip().splitlines() or [say("it ended with {code}", code=done.returncode)]
    return {}, shortened(words[-1], quoted=False)
