"""No run is ever lost: random processes of a lab are killed at random moments, 8 times, or as often as --chaos states."""

import sys

import pytest
import torch

from cnnlab.training import checkpoints
from tests.chaos.siege import Siege
from tests.chaos.undisturbed import configs, differences, undisturbed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are read from /proc, which only Linux has")


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    return tuple(undisturbed(config, tmp_path_factory.mktemp("undisturbed")) for config in configs())


@pytest.fixture
def siege(tmp_path, request, references, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # also for the lab's processes: the result of a sum depends on the number of threads
    siege = Siege(tmp_path, request.config.getoption("--chaos-seed"), configs(), references)
    yield siege
    siege.close()


def test_no_run_is_lost_whoever_is_killed(siege, request):
    kills = request.config.getoption("--chaos")
    for number in range(kills):
        siege.round(number)
    siege.finish()
    siege.note(siege.report())  # for docs/RESULTS.md
    assert sum(siege.killed.values()) == kills


def test_the_comparison_sees_a_single_bit(references, tmp_path):
    folder = references[0]
    checkpoint = checkpoints.load(folder / checkpoints.LAST)
    weight = next(iter(checkpoint["model"].values()))
    weight.view(torch.int32).view(-1)[0] ^= 1
    checkpoints.save(checkpoint, tmp_path / checkpoints.LAST)
    assert differences(tmp_path, folder, checkpoints.LAST) == ["model"]
