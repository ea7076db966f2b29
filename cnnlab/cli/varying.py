"""What `--vary` takes: `learning_rate=0.01..0.5:log`, `batch_size=32,64,128`, `options.hidden=120,84;60`."""

from __future__ import annotations

from typing import Any

from cnnlab.architectures import card
from cnnlab.cli.recipe import number_or_text
from cnnlab.config import RunConfig
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

EXAMPLES = N_("--vary batch_size=32,64,128 or --vary learning_rate=0.01..0.5:log")
_WORDS = {"true": True, "false": False, "none": None}


def dimension_from(text: str, base: RunConfig) -> dict[str, Any]:
    """A setting to vary as named values, which SweepConfig checks. Raises ConfigError where the text has another form.

    A range may end in `:log`, or in its step as in `32..256:32`. Values that have commas themselves are separated by semicolons.
    """
    name, equals, values = text.partition("=")
    name, values = name.strip().replace("-", "_"), values.strip()
    if not equals or not name or not values:
        raise ConfigError(
            say("--vary takes a setting and its values, such as {examples}, not {text}.", examples=EXAMPLES, text=shortened(text)),
            "dimensions",
        )
    if ".." in values:
        return {"setting": name} | _range(name, values)
    option = name.removeprefix("options.") if name.startswith("options.") else ""
    known = {each.name: each for each in card(base.architecture).options}
    parts = [part.strip() for part in values.split(";" if ";" in values else ",") if part.strip()]
    return {"setting": name, "values": [known[option].parse(part) if option in known else _value(part) for part in parts]}


def _range(name: str, text: str) -> dict[str, Any]:
    ends, _colon, rest = text.partition(":")
    low, _dots, high = ends.partition("..")
    numbers = [number_or_text(part.strip()) for part in (low, high, *([rest] if rest and rest != "log" else []))]
    if any(isinstance(number, str) for number in numbers):
        raise ConfigError(
            say("A range goes from a number to a number, such as 0.01..0.5:log or 32..256:32, not {text}.", text=shortened(text)),
            name,
        )
    found = dict(zip(("low", "high", "step"), numbers, strict=False))
    return found | ({"log": True} if rest == "log" else {})


def _value(text: str) -> Any:
    return _WORDS[text.lower()] if text.lower() in _WORDS else number_or_text(text)
