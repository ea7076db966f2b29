"""Eight owners queue twenty-four runs in one lab at the same time, from threads and processes."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
from waiting import wait_for

from cnnlab.config import RunConfig
from cnnlab.lab import Lab
from cnnlab.runs.records import State

TINY = RunConfig.make(architecture="mlp", options={"hidden": [8]}, limit=10, batch_size=10, epochs=1, device="cpu")
ENDLESS = TINY.change(limit=None, batch_size=1, epochs=10_000)
OWNERS = ("Ada", "Blaise", "Carl", "Dorothy", "Emmy", "Fei-Fei", "Grace", "Hedy")
EACH = 3
DEADLINE = 120.0  # seconds for each wait


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """A lab whose only device stays busy until all runs are queued."""
    limits = tmp_path_factory.mktemp("limits") / "limits.toml"
    limits.write_text("[devices]\ncpu = 1\n", encoding="utf-8")  # else two of these small runs train at a time
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNLAB_LIMITS", str(limits))
        lab = Lab(tmp_path_factory.mktemp("home"))
        yield lab
        lab.shut_down()


def queue_all(lab: Lab, owner: str) -> list[str]:
    return [lab.start(TINY, token=f"{owner} {number}", owner=owner) for number in range(EACH)]


def queue_all_from_a_process(home: Path, owner: str) -> list[str]:
    lab = Lab(home)
    try:
        return queue_all(lab, owner)
    finally:
        lab.close()


def test_eight_owners_queue_their_runs_at_once_and_all_finish_in_fair_order(crowded):
    first = crowded.start(ENDLESS, token="first", owner="Ada")
    wait_for(lambda: crowded.run(first).state is State.RUNNING, DEADLINE, every=0.1)
    spawn = multiprocessing.get_context("spawn")
    with ThreadPoolExecutor(4) as threads, ProcessPoolExecutor(4, mp_context=spawn) as processes:
        queued = [threads.submit(queue_all, crowded, owner) for owner in OWNERS[:4]]
        queued += [processes.submit(queue_all_from_a_process, crowded.home, owner) for owner in OWNERS[4:]]
        ids = {owner: answer.result(DEADLINE) for owner, answer in zip(OWNERS, queued, strict=True)}
    queued_order = [run.id for run in crowded.queue()]

    crowded.stop(first)
    wait_for(lambda: not any(run.active for run in crowded.runs()), DEADLINE, every=0.1)

    runs = [run for run in crowded.runs() if run.id != first]
    assert {run.state for run in runs} == {State.FINISHED}
    assert sorted(run.id for run in runs) == sorted(run_id for owned in ids.values() for run_id in owned)
    order = sorted(runs, key=lambda run: run.started)
    assert [run.id for run in order] == queued_order
    for begin in range(0, len(order), len(OWNERS)):  # no owner starts a second run while another waits for a first
        assert sorted(run.owner for run in order[begin : begin + len(OWNERS)]) == list(OWNERS)
    assert {owner: [run.id for run in order if run.owner == owner] for owner in OWNERS} == ids  # in the order of clicks
    assert order[len(OWNERS) - 1].owner == "Ada"  # whose run came first, before the queue
