"""Learning-rate range tests, each in a process of its own, one at a time; the results of the last ones are remembered."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path

from cnnlab.compute import range_process, typed
from cnnlab.config import RunConfig
from cnnlab.i18n import say
from cnnlab.system import processes
from cnnlab.values import RangeTest, RangeTestState

REMEMBERED = 32  # a curve is 4 KB
NONE = RangeTestState("none")
NO_RESULT = say(
    "The range test ended without a result: it may take {seconds} s, and the memory that is free. Choose a smaller batch size or "
    "smaller images.",
    seconds=f"{range_process.LONGEST:.0f}",
)


class _Test:
    """One test: waiting for its turn, in its process, or over."""

    def __init__(self) -> None:
        self.state = RangeTestState("running")
        self.cancelled = False
        self.process: subprocess.Popen[str] | None = None


_tests: OrderedDict[str, _Test] = OrderedDict()
_lock = threading.Lock()
_one_at_a_time = threading.Lock()


def range_test(
    home: Path, config: RunConfig, data: Path | None = None, start: bool = False, cancel: bool = False
) -> RangeTestState:
    """How far the range test of these settings is; with `start` it begins unless it is known, with `cancel` it ends."""
    key = json.dumps([str(home), str(data), config.change(learning_rate=1.0).model_dump(mode="json")])  # it tries rates of its own
    with _lock:
        test = _tests.get(key)
        if cancel and test and test.state.state == "running":
            del _tests[key]
            _end(test)
            return NONE
        if start and (test is None or test.state.state == "failed"):
            test = _tests[key] = _Test()
            over = [other for other, each in _tests.items() if each.state.state != "running"]
            for other in over[: max(0, len(_tests) - REMEMBERED)]:
                del _tests[other]
            threading.Thread(target=_run, args=(test, home, config, data), daemon=True).start()
    return test.state if test else NONE


def _end(test: _Test) -> None:
    test.cancelled = True
    if test.process:
        test.process.kill()


def _run(test: _Test, home: Path, config: RunConfig, data: Path | None) -> None:
    question = {"config": config.model_dump(mode="json"), "home": str(home), "data": data and str(data)}
    with _one_at_a_time:
        if test.cancelled:
            return
        try:
            with subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", range_process.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=processes.with_our_modules(),
            ) as process:
                test.process = process
                if test.cancelled:
                    process.kill()
                _read(test, process, json.dumps(question))
        except (OSError, ValueError, TypeError, KeyError) as error:
            sys.stderr.write(f"The range test of {config.architecture} failed: {error}\n")  # the helper's log
            test.state = RangeTestState("failed", problem=NO_RESULT)


def _read(test: _Test, process: subprocess.Popen[str], question: str) -> None:
    """Follows the process, line by line. It ends itself when its time is over."""
    if process.stdin is None or process.stdout is None:
        return
    process.stdin.write(question)
    process.stdin.close()
    problem = ""
    for text in process.stdout:
        line = json.loads(text)
        if problem := line.get("error", ""):
            break
        test.state = RangeTestState("running", typed.read(RangeTest, line))
    ended_well = process.wait() == 0
    if ended_well and not problem and test.state.result:
        test.state = RangeTestState("done", test.state.result)
    else:
        test.state = RangeTestState("failed", problem=problem or NO_RESULT)
