"""A network as a list of rows: a frozen value, and its JSON. No row of it is wrong by itself; whether rows fit is for `shapes`."""

from __future__ import annotations

import base64
import binascii
import json
import keyword
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from cnnlab.architectures.options import OptionValue
from cnnlab.architectures.own.kinds import KINDS, RowKind
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

FIELD = "options.network"  # of every error here
INPUT = "input"  # the image, as a row takes its input from it
MOST_ROWS = 200
MOST_TEXT = 60_000  # characters of JSON; 200 rows take about 25,000
MOST_TOKEN = 8_000  # characters of an address, packed; two thousand fit everywhere
LONGEST_TITLE, LONGEST_NAME = 60, 32
_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_NAME - 1}}}\Z")
_IN_TITLE = frozenset(" -_.,+()×÷")  # besides letters and digits: nothing that steers Markdown, code or a spreadsheet
# What PyTorch's modules and the code of a network have already: a layer of this name would hide it.
_TAKEN_BY_TORCH = """
    add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extend extra_repr
    float forward get_buffer get_extra_state get_parameter get_submodule half insert ipu load_state_dict modules mtia
    named_buffers named_children named_modules named_parameters parameters pop register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory
    state_dict to to_empty train training type xpu zero_grad
"""
_TAKEN = {*_TAKEN_BY_TORCH.split(), *keyword.kwlist, *keyword.softkwlist, INPUT, "wires", "last_use"}
_TAKEN |= {"nn", "torch", "self", "images", "super"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A row. `inputs` are names of rows above it, or "input" for the image; () takes the row before."""

    kind: str
    name: str
    settings: dict[str, OptionValue] = field(default_factory=dict)  # all of the kind's
    inputs: tuple[str, ...] = ()

    @property
    def of(self) -> RowKind:
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Network:
    """A title and its rows, from the image to the logits. `make` and `read` check; ConfigErrors name the row."""

    title: str
    layers: tuple[Layer, ...]

    @classmethod
    def make(cls, title: str, rows: Iterable[Mapping[str, Any] | Layer]) -> Network:
        """A network of rows as in its JSON. Raises ConfigError."""
        layers: list[Layer] = []
        for place, row in enumerate(rows):
            if place == MOST_ROWS:
                raise ConfigError(say("A network has at most {most} rows: leave some out.", most=MOST_ROWS), FIELD)
            layers.append(_layer(row, layers))
        if not layers:
            raise ConfigError(N_("A network needs at least one row: add a layer."), FIELD)
        return cls(_title(title), tuple(layers))

    @classmethod
    def read(cls, text: str) -> Network:
        """The inverse of `text`; also of a file, and of an address (`token`). Raises ConfigError."""
        return _read(text)

    @property
    def text(self) -> str:
        """The one JSON text of this network, with every setting: a default of later must not change a run of before."""
        return json.dumps(self._content(), ensure_ascii=False, separators=(",", ":"))

    @property
    def file(self) -> str:
        """The same for people: a line for each setting."""
        return json.dumps(self._content(), ensure_ascii=False, indent=1)

    def _content(self) -> dict[str, Any]:
        return {"title": self.title, "layers": [_row(layer) for layer in self.layers]}

    @property
    def token(self) -> str:
        """The JSON packed for an address: letters, digits, "-" and "_"."""
        return packed(self.text)

    def feeds(self, place: int) -> tuple[str, ...]:
        """The names that the row at `place` takes its input from."""
        return self.layers[place].inputs or (self.layers[place - 1].name if place else INPUT,)

    @property
    def chain(self) -> bool:
        """Whether each row takes the output of the row before, and nothing else."""
        return not any(layer.inputs for layer in self.layers)

    def named(self, title: str) -> Network:
        """The same rows under another title. Raises ConfigError."""
        return replace(self, title=_title(title))


def packed(text: str) -> str:
    """The text of a network as an address holds it."""
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


@lru_cache(maxsize=256)  # a page reads the same network many times
def _read(text: str) -> Network:
    text = text.strip().removeprefix("\ufeff")
    content = _json(text if text.startswith("{") else _unpacked(text))
    if not isinstance(content, dict) or not content.keys() <= {"title", "layers"} or not isinstance(content.get("layers"), list):
        raise ConfigError(
            N_("A network in JSON has a title and a list of layers, and nothing else: save one to see its form."), FIELD
        )
    network = Network.make(content.get("title", ""), content["layers"])
    if len(network.token) > MOST_TOKEN:
        raise ConfigError(
            say(
                "This network takes {count:,} characters when packed, and an address holds {most:,}: "
                "use fewer rows or shorter names.",
                count=len(network.token), most=MOST_TOKEN,
            ),
            FIELD,
        )  # fmt: skip
    return network


def _unpacked(token: str) -> str:
    if len(token) > MOST_TOKEN:
        raise ConfigError(
            say(
                "A network is written with at most {most:,} characters, not {count:,}: use fewer rows.",
                most=MOST_TOKEN,
                count=len(token),
            ),
            FIELD,
        )
    try:
        # Bounded: a few bytes can stand for gigabytes.
        unzip = zlib.decompressobj()
        packed_text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        content = unzip.decompress(packed_text, 4 * MOST_TEXT)
        if unzip.unconsumed_tail or not unzip.eof:
            raise ValueError
        return content.decode()
    except (ValueError, zlib.error, binascii.Error):
        raise ConfigError(
            say("This is no network: {text}. Open it from a link or a file of CNN Lab.", text=shortened(token)), FIELD
        ) from None


def _json(text: str) -> Any:
    if len(text) > MOST_TEXT:
        raise ConfigError(
            say("A network in JSON has at most {most:,} characters, not {count:,}.", most=MOST_TEXT, count=len(text)), FIELD
        )
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except RecursionError:
        raise ConfigError(N_("This network is nested too deeply: a row is one flat set of settings."), FIELD) from None
    except ValueError as error:  # not JSON, or a number of more than 4,300 digits
        raise ConfigError(say("This is not valid JSON: {reason}.", reason=shortened(error, quoted=False)), FIELD) from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        name = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ConfigError(say("The setting {name} is given twice.", name=shortened(name)), FIELD)
    return read


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _title(title: Any) -> str:
    tidy = " ".join(title.split()) if isinstance(title, str) else ""
    if not tidy or len(tidy) > LONGEST_TITLE or not all(char.isalnum() or char in _IN_TITLE for char in tidy):
        raise ConfigError(
            say(
                "A network needs a name of 1 to {most} letters, digits, spaces and signs such as - _ ( ), not {value}.",
                most=LONGEST_TITLE,
                value=shortened(title),
            ),
            FIELD,
        )
    return tidy


def row_error(place: int, name: str, reason: str) -> str:
    """The sentence about the row at `place`, counted from 1 as people do."""
    return say("Row {number} of the network ({name}): {reason}", number=place + 1, name=name, reason=reason)


def _layer(row: Any, above: list[Layer]) -> Layer:
    place = len(above)
    given = _row(row) if isinstance(row, Layer) else row
    if not isinstance(given, Mapping):
        raise ConfigError(
            say("Row {number} is {value}: a row is a set of settings.", number=place + 1, value=shortened(given)), FIELD
        )
    kind, name = given.get("kind"), given.get("name")
    shown = shortened(name if isinstance(name, str) else kind, quoted=False)

    def wrong(reason: str) -> ConfigError:
        return ConfigError(row_error(place, shown, reason), FIELD)

    if not isinstance(kind, str) or kind not in KINDS:
        raise wrong(
            say("there is no kind of layer {value}; choose one of: {names}.", value=shortened(kind), names=", ".join(KINDS))
        )
    if name is None:
        name = free_name(KINDS[kind].stem, {layer.name for layer in above})
    if problem := name_problem(name, {layer.name for layer in above}):
        raise wrong(problem)
    try:
        settings = KINDS[kind].settings({key: value for key, value in given.items() if key not in ("kind", "name", "from")})
    except ConfigError as error:
        raise wrong(str(error)) from None
    return Layer(kind, name, settings, _inputs(given.get("from", ()), KINDS[kind], above, wrong))


def _inputs(given: Any, kind: RowKind, above: list[Layer], wrong: Any) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise wrong(say("from must be names of rows above, not {value}.", value=shortened(given)))
    known = {INPUT, *(layer.name for layer in above)}
    for name in names:
        if name not in known:
            raise wrong(say("it takes its input from {name}, which is no row above it.", name=shortened(name)))
    low, high = kind.inputs
    if (names and not low <= len(names) <= high) or (not names and low > 1):
        if kind.joins:
            reason = say("it joins {low} to {high} rows above it, not {count}.", low=low, high=high, count=len(names))
            raise wrong(reason if low < high else say("it joins {count} rows above it, not {given}.", count=low, given=len(names)))
        raise wrong(say("it takes one input, not {count}: join rows by an addition or a concatenation.", count=len(names)))
    before = above[-1].name if above else INPUT
    return () if tuple(names) == (before,) else tuple(names)


def name_problem(name: Any, others: set[str]) -> str:
    """What is wrong with a row's name, as the end of a sentence; "" where it can be used."""
    if not isinstance(name, str) or not _NAME.match(name):
        return say(
            "the name {value} must be 1 to {most} small letters, digits and _, and begin with a letter.",
            value=shortened(name), most=LONGEST_NAME,
        )  # fmt: skip
    if name in _TAKEN:
        return say("the name {value} has another meaning in PyTorch or Python; choose another one.", value=shortened(name))
    return say("another row is called {value}; choose another name.", value=shortened(name)) if name in others else ""


def free_name(stem: str, taken: Iterable[str]) -> str:
    """The first of stem1, stem2, … that no row has."""
    known = set(taken)
    return next(name for number in range(1, MOST_ROWS + 2) if (name := f"{stem}{number}") not in known)


def _row(layer: Layer) -> dict[str, Any]:
    row = {"kind": layer.kind, "name": layer.name, **layer.settings}
    return row | ({"from": list(layer.inputs)} if layer.inputs else {})
