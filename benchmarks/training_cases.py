"""The training benchmark's cases, contestants and settings as the engine reads them. Needs no torch and no pydantic."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cnnlab import datasets
from cnnlab.architectures import card

MADE_UP = "made-up images"  # the source when the data set is missing: accuracy on them means nothing

Settings = dict[str, Any]


@dataclass(frozen=True)
class Contestant:
    """`settings` override the case's own; only the lab's own training may have any."""

    name: str
    kind: str  # "ours", "course", "tidy", "eager", "compiled", "graph" or "compiling": see benchmarks.contestants
    settings: Settings = field(default_factory=dict)


OURS = Contestant("ours", "ours")
BFLOAT16 = Contestant("ours, bfloat16", "ours", {"precision": "bfloat16"})
AUTO = Contestant("ours, precision auto", "ours", {"precision": "auto"})  # measures for a second which precision is faster
OURS_COMPILED = Contestant(
    "ours, compiled", "ours", {"compile": True}
)  # compiled by an earlier run: a short one ends before it is compiled
COMPILED_BFLOAT16 = Contestant("ours, compiled, bfloat16", "ours", {"compile": True, "precision": "bfloat16"})
COURSE = Contestant("course's loop", "course")
TIDY = Contestant("course's loop, tidied", "tidy")
EAGER = Contestant("eager floor", "eager")
COMPILED = Contestant("compiled floor", "compiled")
GRAPH = Contestant("CUDA graph floor", "graph")  # CUDA only


@dataclass(frozen=True)
class Case:
    """One network with one recipe. All contestants use the same `share` of the training and of the test images."""

    title: str
    settings: Settings
    epochs: int = 3
    share: float = 1.0
    ours: tuple[Contestant, ...] = (OURS,)
    # Target's name in benchmarks.targets → the faster contestant and the slower one; None: the seconds themselves.
    targets: dict[str, tuple[Contestant, Contestant | None]] = field(default_factory=dict)
    memory_target: str = ""  # the target for the peak memory of the first of `ours`

    def contestants(self, device: str) -> tuple[Contestant, ...]:
        return (*self.ours, COURSE, TIDY, EAGER, COMPILED, *((GRAPH,) if device.startswith("cuda") else ()))


def _recipe(architecture: str, rate: float, batch: int, size: int | None = None, **more: Any) -> Settings:
    return {
        "architecture": architecture,
        "dataset": "fashion-mnist",
        "learning_rate": rate,
        "batch_size": batch,
        "image_size": size,
        "initialization": "pytorch",
        **more,
    }


_ADAM = {"optimizer": "adam"}
_LENET = _recipe("lenet", 0.9, 256, initialization="xavier-uniform")
_SMALL_RESNET = _recipe("course-resnet", 0.9, 100, dataset="cifar10", horizontal_flip=True, random_grayscale=0.1) | {
    "normalization": "half"
}
_EIGHTH = {"options": {"width_divisor": 8}}


def _on_cpu() -> tuple[Case, ...]:
    hardware = _multiplies_bfloat16()
    small = {"small_resnet_course": (AUTO, COURSE)} if hardware else {"small_resnet_course_float32": (OURS, COURSE)}
    return (
        Case(
            "LeNet, Fashion-MNIST, batch 256",
            _LENET,
            epochs=5,  # with sigmoid the first two stay near chance, so fewer epochs would compare nothing
            ours=(OURS, OURS_COMPILED, *((COMPILED_BFLOAT16,) if hardware else ())),
            targets={
                "lenet_course_bfloat16": (COMPILED_BFLOAT16, COURSE),
                "lenet_course": (OURS_COMPILED, COURSE),
                "lenet_course_as_it_is": (OURS, COURSE),
                "lenet_eager": (OURS_COMPILED, EAGER),
            },
        ),
        Case(
            "Small ResNet, CIFAR-10, batch 100",
            _SMALL_RESNET,
            share=0.2,
            ours=(OURS, AUTO),
            targets=small,
            memory_target="small_resnet_memory",
        ),
        Case(
            "VGG-11 ÷ 8, Fashion-MNIST at 64 px, batch 64",
            _recipe("vgg", 0.001, 64, 64, **_ADAM, **_EIGHTH),
            share=0.2,
            ours=(OURS, AUTO),
        ),
    )


def _on_gpu() -> tuple[Case, ...]:
    # A tenth of the images: at 224 px the course's loop with its two workers takes a minute an epoch on any GPU.
    def large(title: str, settings: Settings, target: str = "", share: float = 0.1) -> Case:
        against = {f"{target}_gpu_course": (OURS, COURSE)} if target else {}
        return Case(title, settings, share=share, ours=(OURS, BFLOAT16), targets=against)

    return (
        Case(
            "LeNet, Fashion-MNIST, batch 256",
            _LENET,
            epochs=5,
            targets={"lenet_gpu_course": (OURS, COURSE), "lenet_gpu_epoch": (OURS, None)},
        ),
        large("AlexNet, Fashion-MNIST at 224 px, batch 128", _recipe("alexnet", 0.001, 128, 224, **_ADAM), "alexnet"),
        large("VGG-11, Fashion-MNIST at 224 px, batch 64", _recipe("vgg", 0.001, 64, 224, **_ADAM), "vgg"),
        large("VGG-11 ÷ 8, Fashion-MNIST at 224 px, batch 64", _recipe("vgg", 0.001, 64, 224, **_ADAM, **_EIGHTH)),
        large("NiN, Fashion-MNIST at 224 px, batch 128", _recipe("nin", 0.002, 128, 224, **_ADAM), "nin"),
        large("GoogLeNet, Fashion-MNIST at 96 px, batch 128", _recipe("googlenet", 0.001, 128, 96, **_ADAM), "googlenet"),
        large("Small ResNet, CIFAR-10, batch 100", _SMALL_RESNET, share=0.2),
        # The course has no recipe for the last four: two are the d2l book's, two the lab's own.
        large("ResNet-18, Fashion-MNIST at 96 px, batch 256", _recipe("resnet", 0.05, 256, 96), "resnet"),
        large("DenseNet, Fashion-MNIST at 96 px, batch 256", _recipe("densenet", 0.1, 256, 96)),
        large("MLP, Fashion-MNIST, batch 256", _recipe("mlp", 0.1, 256), share=1.0),
        large("ResNet-9, CIFAR-10, batch 512", _recipe("resnet9", 0.1, 512, dataset="cifar10", horizontal_flip=True), share=0.2),
    )


def cases(device: str) -> tuple[Case, ...]:
    """The cases measured on `device`, "cpu" or a CUDA device."""
    return _on_gpu() if device.startswith("cuda") else _on_cpu()


def small_case() -> Case:
    """The case of `--small`, on random images."""
    return Case("LeNet, Fashion-MNIST, batch 256", _LENET | {"batch_size": 64}, epochs=2)


def configuration(settings: Settings) -> Any:
    """A RunConfig of `settings`; without pydantic a namespace with the same values, which the engine reads as well."""
    try:
        from cnnlab.config import RunConfig  # noqa: PLC0415  # a GPU machine may have torch and torchvision alone
    except ImportError:
        return bare_configuration(settings)
    return RunConfig.make(**settings)


def bare_configuration(settings: Settings) -> SimpleNamespace:
    """All of a RunConfig's attributes, unchecked. Raises TypeError for an unknown setting."""
    complete = _defaults()
    if unknown := settings.keys() - complete.keys():
        raise TypeError(f"A run has no setting called {', '.join(sorted(unknown))}.")
    complete |= settings
    chosen, entry = card(complete["architecture"]), datasets.entry(complete["dataset"])
    complete["options"] = chosen.settings(complete["options"])
    complete["image_size"] = complete["image_size"] or chosen.input_shape[1]
    complete["channels"] = complete["channels"] or entry.channels
    return SimpleNamespace(**complete)


def _defaults() -> Settings:
    """RunConfig's defaults, read from its source: importing it needs pydantic, and a copy would become outdated."""
    source = (Path(datasets.__file__).parents[1] / "config.py").read_text(encoding="utf-8")
    body = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "RunConfig").body
    return {
        node.target.id: ast.literal_eval(node.value.args[0]) if node.value.args else {}  # no argument: Field(default_factory=dict)
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Call)
    }


def _multiplies_bfloat16() -> bool:
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and "amx_bf16" in cpu.read_text()
