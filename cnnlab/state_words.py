"""What a run is doing, in the words that pages, reports and the command line share."""

from __future__ import annotations

from cnnlab import datasets
from cnnlab.diagnosis import did_not_learn
from cnnlab.i18n import N_, shown
from cnnlab.runs.records import IMPORTED, Run, State
from cnnlab.runs.summaries import Summary

STATE_WORDS = {
    State.QUEUED: N_("Waiting for its turn"),
    State.STARTING: N_("Starting"),
    State.RUNNING: N_("Training"),
    State.PAUSING: N_("Pausing"),
    State.PAUSED: N_("Paused"),
    State.STOPPING: N_("Stopping"),
    State.STOPPED: N_("Stopped"),
    State.FINISHED: N_("Finished"),
    State.FAILED: N_("Failed"),
    State.INTERRUPTED: N_("Interrupted"),
}
DID_NOT_LEARN = N_("Finished, did not learn")


def state_word(run: Run | Summary) -> str:
    """The state; a run that has finished without having learned anything says so."""
    return shown(DID_NOT_LEARN if in_vain(run) else STATE_WORDS[run.state])


def in_vain(run: Run | Summary) -> bool:
    """Whether the run has finished without having learned anything."""
    dataset = run.dataset if isinstance(run, Summary) else run.config.dataset
    classes = len(datasets.entry(dataset).classes)
    if IMPORTED in run.tags:
        return False
    return run.state is State.FINISHED and did_not_learn(classes, run.train_loss, run.best_test_accuracy)
