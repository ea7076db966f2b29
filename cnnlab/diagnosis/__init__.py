"""What a run's figures mean for a learner: one cause, one sentence with the evidence, and settings that cure it. Needs no torch.

`evidence` gathers the figures of a run, `causes` is the table of what they can mean, `cures` holds the settings to try.
"""

from cnnlab.diagnosis.causes import CAUSES, Cause, Diagnosis, diagnose, suspects
from cnnlab.diagnosis.evidence import at_chance, did_not_learn, guessing_loss
from cnnlab.diagnosis.overflow import AT_FIRST, OVERFLOWS, overflow

__all__ = [
    "AT_FIRST",
    "CAUSES",
    "OVERFLOWS",
    "Cause",
    "Diagnosis",
    "at_chance",
    "diagnose",
    "did_not_learn",
    "guessing_loss",
    "overflow",
    "suspects",
]
