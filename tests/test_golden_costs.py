"""The forecast memory of very different runs part by part, and the advice where it does not fit, as text."""

from __future__ import annotations

import pytest
from golden_text import check

from cnnlab import datasets
from cnnlab.config import RunConfig
from cnnlab.layers.memory import per_image
from cnnlab.layers.trace import layer_table
from cnnlab.training import costs, diagnosis
from cnnlab.training.costs import Speed
from cnnlab.values import Device

GIGABYTE = 10**9
RUNS = {
    "LeNet as it comes": {"architecture": "lenet"},
    "LeNet with Adam on a part of MNIST": {
        **{"architecture": "lenet", "dataset": "mnist", "optimizer": "adam", "learning_rate": 0.01, "data_share": 0.3},
        **{"validation_share": 0.2, "batch_size": 50, "image_size": 33},
    },
    "small ResNet in colour, compiled": {
        **{"architecture": "course-resnet", "dataset": "cifar10", "compile": True, "momentum": 0.9, "weight_decay": 0.1},
        **{"options": {"width": 9, "dropout": 0.2}, "limit": 3000},
    },
    "VGG in bfloat16": {"architecture": "vgg", "options": {"width_divisor": 4}, "precision": "bfloat16", "image_size": 64},
    "DenseNet with RMSprop": {"architecture": "densenet", "dataset": "cifar10", "optimizer": "rmsprop", "learning_rate": 0.01},
    "AlexNet whose momentum cycles": {
        **{"architecture": "alexnet", "schedule": "one-cycle", "cycle_momentum": True, "optimizer": "rmsprop"},
        **{"options": {"width_divisor": 3, "batch_norm": True, "activation": "gelu"}, "batch_size": 5, "image_size": 99},
    },
}


@pytest.fixture(autouse=True)
def one_program(monkeypatch):
    monkeypatch.setitem(costs._PROGRAM, "cpu", 390 << 20)  # that of Linux; forked runners share it there


def table_of(config):
    shape = (config.channels, config.image_size, config.image_size)
    return layer_table(config.architecture, shape, len(datasets.entry(config.dataset).classes), config.options)


@pytest.mark.parametrize("name", RUNS)
def test_the_memory_of_a_run_in_parts(name, regenerate_golden):
    config = RunConfig.make(device="cpu", **RUNS[name])
    table, lines = table_of(config), [name]
    for device in ("cpu", "cuda:1", "mps"):
        need = costs.memory(config, table, device)
        for batch in (3, config.batch_size):
            lines += [f"on {device}, batches of {batch}: {need.bytes(batch):,} bytes"]
            lines += [f"    {part.title} ({part.name}): {part.bytes:,}" for part in need.parts(batch)]
        found = [need.largest_batch(free * GIGABYTE, most) for free, most in ((1, 4096), (4, 4096), (4, 77))]
        lines.append(f"largest batches in 1 GB, in 4 GB, and in 4 GB up to 77: {found}")
    for width, device in ((4, "cpu"), (4, "cuda"), (2, "mps")):
        kept = per_image(table.rows, width=width, device=device)
        lines.append(f"one image at {width} bytes a value on {device}: {kept.total:,} in {len(kept.kept)}, widest {kept.widest:,}")
    speed = Speed(image=0.003, step=0.02, evaluation=0.001)
    trained, tested = costs.images(config)
    lines.append(f"trains on {trained:,} images, {tested:,} evaluated; takes {costs.images_taken(config)}")
    lines.append(
        f"an epoch of {costs.epoch_seconds(config, speed):.4f} s, a tenth of it {costs.epoch_seconds(config, speed, 0.1):.4f} s"
    )

    slug = name.lower().replace(",", "").replace(" ", "-")
    check(f"costs/{slug}", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_other_programs_disturb_a_measurement_above_a_quarter_of_the_processors():
    assert [Speed(1, 1, 1, others=share).disturbed for share in (0.0, 0.25, 0.26)] == [False, False, True]


ALEXNET = RunConfig.make(architecture="alexnet", batch_size=96, device="cpu")
ONE = ALEXNET.change(batch_size=1)
CPU, GPU = Device("cpu", "CPU, 2 cores"), Device("cuda:0", "NVIDIA T4 (16.1 GB)")


@pytest.mark.parametrize(
    "question",
    [
        (ALEXNET, CPU, "training"),
        (ALEXNET, CPU, "evaluation", 8 * GIGABYTE),
        (ALEXNET, CPU, "training", 8 * GIGABYTE),
        (ALEXNET, GPU, "training", 8 * GIGABYTE, 2 * GIGABYTE),
        (ALEXNET, GPU, "training", GIGABYTE, GIGABYTE // 2),
        (ALEXNET, CPU, "training", 2 * GIGABYTE),
        (ONE, GPU, "training", None, GIGABYTE),
    ],
    ids=range(7),
)
def test_advice_where_the_memory_is_too_small(question, request, regenerate_golden):
    number = request.node.callspec.id

    check(f"costs/advice-{number}", diagnosis.out_of_memory(*question) + "\n", regenerate=regenerate_golden)
