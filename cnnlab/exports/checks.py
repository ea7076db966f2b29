"""Whether an export computes what the run's network does: the same test images through both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from cnnlab.errors import ExportError, FailedCheck
from cnnlab.exports.subject import Subject
from cnnlab.i18n import say
from cnnlab.training import initialization

# Of the largest logit. float32 keeps seven digits, and layers add some rounding: the ten families stay below a hundredth of this.
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Check:
    """How an export answered beside the run's network."""

    what: str  # "script"
    images: int
    equal: int  # predictions
    largest: float  # difference of two logits
    also: str = ""  # what else was compared, as the end of a sentence

    @property
    def sentence(self) -> str:
        """ "script: 1,000 of 1,000 predictions equal, largest difference 3e-06"."""
        difference = "0" if self.largest == 0 else f"{self.largest:.0e}"
        also = f"; {self.also}" if self.also else ""
        return say(
            "{what}: {equal} of {images} predictions equal, largest difference {difference}{also}",
            what=self.what, equal=f"{self.equal:,}", images=f"{self.images:,}", difference=difference, also=also,
        )  # fmt: skip


def compared(what: str, reference: Tensor, logits: Tensor, also: str = "") -> Check:
    """The check of `logits` N×K beside those of the run's network. Raises FailedCheck where they differ by more than rounding."""
    if logits.shape != reference.shape:
        raise FailedCheck(
            say(
                "The {what} gives {shape} values where the network gives {expected}; it was not written.",
                what=what,
                shape=tuple(logits.shape),
                expected=tuple(reference.shape),
            )
        )
    largest = (logits.double() - reference.double()).abs().max().item()
    equal = int((logits.argmax(1) == reference.argmax(1)).sum())
    check = Check(what, len(reference), equal, largest, also)
    # Two classes may change places only where they are as close as the tolerance.
    if not largest <= TOLERANCE * max(1.0, reference.abs().max().item()):
        raise FailedCheck(
            say(
                "The {what} does not compute what the run's network does, so it was not written ({check}).",
                what=what,
                check=check.sentence,
            )
        )
    return check


def check_program(what: str, program: str, subject: Subject) -> Check:
    """Runs a script's network and its preparation of images in a fresh process, where the lab cannot be imported.

    The weights it begins a training with are compared, too. Raises FailedCheck.
    """
    images = subject.checked_images
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.py").write_text(program, encoding="utf-8")
        torch.save({"weights": subject.model.state_dict(), "images": images}, folder / "given.pt")
        answer = _alone(what, folder)
        found = torch.load(folder / "found.pt", weights_only=True)
    if answer["cnnlab"]:
        raise ExportError(say("The lab can be imported everywhere on this machine, so a check without it is not possible."))
    first = initialization.network(subject.config, len(subject.classes)).state_dict()
    if first.keys() != found["first"].keys() or not all(torch.equal(first[name], found["first"][name]) for name in first):
        raise FailedCheck(say("The {what} begins with other weights than the run did, so it was not written.", what=what))
    return compared(what, subject.reference, found["logits"], say("its first weights are the run's"))


def _alone(what: str, folder: Path) -> dict[str, bool]:
    """Runs `alone.py`, isolated: without this folder, PYTHONPATH and user packages."""
    command = [sys.executable, "-I", str(Path(__file__).with_name("alone.py")), str(folder)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)  # noqa: S603 - our own
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise FailedCheck(say("The {what} does not run, so it was not written: {reason}", what=what, reason=reason[:200]))
    return json.loads(done.stdout.splitlines()[-1])
