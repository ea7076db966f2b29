"""What settings, options, recipes and starts are called, allow and say, and how figures become text: kept whole, as texts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

from another_value import another_value
from golden_text import check

from cnnlab import datasets, errors, intervals, presets, starts, text
from cnnlab.architectures import cards
from cnnlab.config import RunConfig
from cnnlab.config_words import CHOICES, USED_WITH, applies, setting, settings, title, words
from cnnlab.errors import ConfigError

SAMPLES: dict[str, tuple[Any, ...]] = {"bool": (False, True), "int": (1, 12_345), "float": (0.5, 1e-05, 2.0)}
OUTSIDE = (None, True, "", "word", "1e3", -1, -0.001, 0, 0.0, 0.5, 1, 1.5, 2, 63.9, 64, 65, 101, 1e10, float("nan"), [1], {"a": 1})


def one_setting(name: str) -> Iterator[str]:
    """Everything that a page, a table or the terminal takes from a setting."""
    found = setting(name)
    yield f"{name}: {found.title}"
    yield f"  help: {found.help}"
    yield f"  {found.kind}, {'may be empty' if found.optional else 'never empty'}, default {found.default!r}, {found.rule}"
    shown = found.choices or SAMPLES.get(found.kind) or (*CHOICES[name], "cuda:12")
    yield f"  shown: {'; '.join(f'{value!r} as {words(name, value)}' for value in shown)}"
    if found.optional:
        yield f"  empty: {words(name, None)}"
    if name in USED_WITH:
        other, _ = USED_WITH[name]
        having = [choice for choice in setting(other).choices if applies(name, {other: choice})]
        yield f"  has an effect with {other} {', '.join(map(str, having))}"


def test_settings(regenerate_golden):
    lines = [line for name in RunConfig.model_fields if name != "options" for line in one_setting(name)]
    lines += ["", "defaults", *(f"  {name} = {value!r}" for name, value in settings(RunConfig.make()).items())]

    check("words/settings", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def refusal(act: Callable[[], Any], *, show: Callable[[Any], Any] = repr) -> str:
    """The sentence of an error with its class and field, or what came instead."""
    try:
        return f"taken as {show(act())}"
    except errors.CNNLabError as error:
        field = getattr(error, "field", "")
        return f"{type(error).__name__}{f' of {field}' if field else ''}: {error}"


def taken_and_refused(check_value: Callable[[Any], Any], given: tuple[Any, ...]) -> Iterator[str]:
    """Which of the values are taken, and as what, and the sentences about the others."""
    taken, refused = [], {}
    for value in given:
        try:
            taken.append(f"{value!r} as {check_value(value)!r}")
        except ConfigError as error:
            refused.setdefault((error.field, re.sub(r", not (?!true or).*", ", not …", str(error))), []).append(repr(value))
    yield f"  takes {', '.join(taken)}"
    yield from (f"  refuses {', '.join(shown)}: {sentence} ({field})" for (field, sentence), shown in refused.items())


def test_what_each_setting_takes_and_refuses(regenerate_golden):
    lines = []
    for name in RunConfig.model_fields:
        if name not in ("architecture", "options", "dataset", "nesterov"):
            lines += [name, *taken_and_refused(lambda value, name=name: getattr(RunConfig.make(**{name: value}), name), OUTSIDE)]

    check("words/refused", "\n".join(lines) + "\n", regenerate=regenerate_golden)


DOCUMENTS = (
    "", "[]", "null", '"lenet"', "{}", '{"epochs": 3}', '{"epochs": 3, "epochs": 4}', '{"epoch": 3}', '{"zzzz": 1}', '{"": 1}',
    '{"options": 3}', '{"options": {"colour": "red"}}', '{"options": {"dropout": 2}}', '{"options": {"hidden": "x"}}',
    '{"architecture": "lenett"}', '{"architecture": 3}', '{"dataset": "imagenet"}', '{"dataset": null}', '{"nesterov": true}',
    '{"nesterov": true, "momentum": 0.5}', '{"nesterov": true, "momentum": 0.5, "optimizer": "rmsprop"}', '{"seed": 2147483647}',
    '{"seed": 2147483648}', '{"epochs": 10000}', '{"epochs": 10001}', '{"batch_size": 65536}', '{"batch_size": 65537}',
    '{"image_size": 1024}', '{"image_size": 1025}', '{"limit": 1000000000}', '{"limit": 1000000001}', '{"gradient_clip": 1e6}',
    '{"gradient_clip": 1000001}', '{"learning_rate": 100}', '{"learning_rate": 100.1}', '{"label_smoothing": 0.999}',
    '{"device": "cuda:99"}', '{"device": "cuda:100"}', '{"device": "cuda:"}', '{"device": "CPU"}', '{"device": "xcpu"}',
)  # fmt: skip


def test_documents_that_may_be_a_configuration(regenerate_golden):
    usual = settings(RunConfig.make())

    def changed(config: RunConfig) -> dict[str, Any]:
        return {name: value for name, value in settings(config).items() if usual.get(name) != value}

    lines = [f"{document}: {refusal(lambda each=document: RunConfig.from_json(each), show=changed)}" for document in DOCUMENTS]

    check("words/documents", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_options(regenerate_golden):
    lines, described = [], set()
    for each in cards():
        lines.append(
            f"{each.name}: {each.title}, {each.year}, {each.input_shape}, {each.parameters:,}, {each.macs:,}, {each.usual_size}"
        )
        lines.append(f"  {each.paper} — {each.summary}")
        for option in each.options:
            name = f"options.{option.name}"
            lines.append(
                f"  {option.name}: {title(name, each.name)}; default {option.default!r}, shown as {words(name, option.default)}"
            )
            if dataclasses.replace(option, default=0) in described:
                continue
            described.add(dataclasses.replace(option, default=0))
            shown = option.choices or {"bool": (False, True), "ints": ((120, 84), (7,))}.get(option.type, (0.25, 3))
            lines.append(f"    {option.type}; {option.help} Shown: {'; '.join(words(name, value) for value in shown)}")
            bounds = [number for number in (option.minimum, option.maximum) if number is not None]
            given = ("", "maybe", "true", " No ", "1,2", "0.5", "[3, 4]", *option.choices)
            given += tuple(f"{number:g}" for bound in bounds for number in (bound - 1, bound, bound + 1))
            lines += [f"  {line}" for line in taken_and_refused(option.parse, tuple(map(str, given)))]

    check("words/options", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_every_setting_differs_in_a_copy_and_stays_in_json():
    """What a copy changes is that setting alone, and JSON brings back each."""
    for name in RunConfig.model_fields:
        if name in ("architecture", "options", "dataset", "nesterov"):
            continue
        changed = RunConfig.make().change(**{name: another_value(name)})
        found = {field for field, value in settings(changed).items() if settings(RunConfig.make())[field] != value}
        assert found == {name}
        assert RunConfig.from_json(changed.to_json()) == changed


def different(config: RunConfig) -> str:
    """The settings that are not a plain run's, in words."""
    usual = settings(RunConfig.make(architecture=config.architecture, dataset=config.dataset))
    return "; ".join(f"{name} {words(name, value)}" for name, value in settings(config).items() if usual[name] != value)


def test_recipes(regenerate_golden):
    lines = []
    for each in presets.presets():
        config = each.config()
        lines += [f"{each.name}: {each.title}", f"  {each.note}", f"  reaches {each.reaches or '–'}"]
        lines += [f"  {'needs a GPU' if each.needs_gpu else 'needs no GPU'}", f"  {config.title}: {different(config)}"]
    changed = presets.preset("lenet-sample").config(epochs=3, seed=5)
    lines += [f"changed: {different(changed)}", refusal(lambda: presets.preset("best"))]

    check("words/recipes", "\n".join(lines) + "\n", regenerate=regenerate_golden)


def test_starts(regenerate_golden):
    lines = []
    for each in cards():
        for entry in datasets.entries():
            begin = starts.start(each.name, entry.name)
            lines += [f"{begin.config.title}: {different(begin.config)}", f"  {begin.source}"]
    for name, data, design in (
        ("lenet", "sample", {"options": {"activation": "relu"}}),
        ("lenet", "cifar10", {"channels": 1}),
        ("mlp", "mnist", {"options": {"hidden": (300,)}}),
        ("mlp", "cifar10", {"options": {"activation": "sigmoid"}}),
        ("alexnet", "sample", {"options": {}}),
        ("vgg", "mnist", {"image_size": 64}),
        ("resnet9", "cifar10", {"options": {"width": 32}}),
        ("densenet", "cifar10", {"options": {"growth": 8}, "image_size": 48}),
        ("nin", "sample", {"options": {"width_divisor": 4}, "image_size": 96, "channels": 3}),
    ):
        begin = starts.start(name, data, **design)
        lines += [f"{begin.config.title}, {design}: {different(begin.config)}", f"  {begin.source}"]

    check("words/starts", "\n".join(lines) + "\n", regenerate=regenerate_golden)


LONG = "x" * 79
FUNCTIONS: dict[Callable[..., Any], tuple[tuple[Any, ...], ...]] = {
    text.shape_text: (((6, 28, 28),), ((400,),), ((),)),
    text.well_formed: (("a\udcffb",), ("é𝄞",)),
    text.shortened: (
        *((None,), (True,), (False,), (3,), (0.1,), ("red",), ("it's",), ("a\x1b[2Jb",), ("a\u200db",), ([1, "a"],)),
        *(({"a": None},), (f"{LONG}x",), (f"{LONG}xy",), (f"{LONG}\nx",)),
    ),
    text.percent: tuple((share, decimals) for share in (None, 0.1234, 0.5, 0.98765) for decimals in (0, 1, 2, None)),
    intervals.wilson: ((0.0, 1), (0.5, 1), (1.0, 1), (0.25, 4), (0.824, 1_000), (0.97, 10_000)),
}
OF_ONE: dict[Callable[[Any], Any], tuple[Any, ...]] = {
    text.size_text: (
        *(0, 0.4, 1, 1.4, 2, 999, 999.4, 999.5, 1_000, 1_049, 1_050, 9_950, 10_000, 123_456, 999_949, 999_950, 1_000_000),
        *(5_250_000, 999_949_999, 999_950_000, 1_500_000_000, 12_345_678_901, 10**15),
    ),
    text.percent: (None, 0, 0.0004, 0.0005, 0.1234, 0.5, 0.98765, 0.99949, 0.9995, 1, 1.5, -0.25),
    text.duration_text: (
        *(-5, 0, 0.2, 1, 1.4, 1.6, 59.4, 60, 89, 119.4, 119.5, 120, 149, 151, 3_540, 5_369, 5_399.4, 5_400, 7_380, 34_199),
        *(34_200, 36_000, 129_599, 129_600, 172_800, 820_000, 820_800, 10**8),
    ),
    text.duration: (-3, 0, 0.4, 0.6, 9, 59.4, 59.6, 61, 599, 3_599, 3_599.6, 3_661, 36_000, 360_059),
    text.count_text: (0, 1, 999, 1_000, 9_999_999, 10_000_000, 12_345_678, 999_949_999, 999_950_000, 7_550_000_000),
    text.short_count: (
        *(0, -5, 999_999, 1_000_000, -1_000_001, 1_050_000, 924_844_032, 999_949_999, 999_950_000, 7_547_232_256),
        *(999_994_999_999, 999_995_000_000, 21 * 10**12),
    ),
    text.ordinal: (1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 100, 101, 110, 111, 112, 113, 121, 1_001, 1_011),
    text.image_number: (0, 9, 12_345),
}
AGES = (-100, 0, 59.9, 60, 119, 120, 3_599, 3_600, 7_199, 7_200, 86_399, 86_400, 172_799, 172_800, 864_000)


def test_figures_as_text(regenerate_golden):
    lines = []
    calls_of = [(function, [(value,) for value in every]) for function, every in OF_ONE.items()] + list(FUNCTIONS.items())
    for function, calls in calls_of:
        lines.append(function.__name__)
        for arguments in calls:
            found = function(*arguments)
            found = tuple(round(number, 6) for number in found) if isinstance(found, tuple) else found
            lines.append(f"  {', '.join(map(repr, arguments))} → {found!r}")
    lines.append(f"  spaced → {text.shape_text((6, 28, 28), spaced=True)!r}")
    lines.append(f"  more digits than Python writes → {text.shortened(10**5_000)!r}")
    lines.append(f"  not quoted → {text.shortened('red', quoted=False)!r}")
    lines += [f"  {age} seconds later → {text.ago(1_000_000.0, 1_000_000.0 + age)!r}" for age in AGES]
    rows = [("a", "1", "x"), ("a\u200db\x1b", "12,345", "longer "), ("", "", "\n")]
    lines += ["aligned", *(f"  |{line}|" for line in text.aligned(("name", "n", "last"), rows, right=("n",)).splitlines())]
    lines += [f"  |{line}|" for line in text.aligned(("name", "n"), [("a", "1")], right=()).splitlines()]

    check("words/figures", "\n".join(lines) + "\n", regenerate=regenerate_golden)
