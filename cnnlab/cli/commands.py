"""What all commands share: error handling, `--json`, `--home`, and parsing of `option=value` and `1x28x28`."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from cnnlab.architectures import Card, OptionValue, Shape
from cnnlab.cli.typer_words import in_readers_language, wrong_usage
from cnnlab.datasets.places import Places
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import _, of_terminal, say, translated, using
from cnnlab.runs.records import Run
from cnnlab.state_words import state_word
from cnnlab.system import working_home
from cnnlab.system.home import default_data, default_home
from cnnlab.text import well_formed

# Typer's base class for wrong usage, of which it exports only a subclass.
_UsageError: Any = typer.BadParameter.__base__


class Commands(TyperGroup):
    """Speaks the language of the terminal, and turns errors into a sentence on stderr and exit code 2.

    Faults in the program keep their traceback.
    """

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **settings: Any) -> NoReturn:
        settings["standalone_mode"] = False
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # a Windows pipe or LC_ALL=C has no ✓; a ? is better than a traceback
        with using(of_terminal()):
            try:
                in_readers_language(self)
                code = super().main(args, prog_name, **settings)
            except CNNLabError as error:
                print_error(translated(error))
                code = 2
            except _UsageError as error:
                print_error(wrong_usage(error))
                code = 2
            except typer.Abort:  # Ctrl-C at a question, or no standard input
                print_error("\n" + _("The question was not answered, so nothing has changed."))
                code = 2
        sys.exit(code if isinstance(code, int) else 0)


_chosen: list[Path] = []  # the home of this command


def _note_home(home: Path) -> Path:
    _chosen[:] = [home]
    working_home.look_in(home)
    return home


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Home = Annotated[
    Path,
    typer.Option(
        default_factory=default_home,
        resolve_path=True,
        callback=_note_home,
        show_default=False,
        help="The lab's folder (default: CNNLAB_HOME, else your data folder).",
    ),
]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="OPTION=VALUE", help="An option of the architecture; may be repeated.", show_default=False),
]


def print_text(text: str) -> None:
    """Prints on stdout."""
    typer.echo(text)


def print_json(document: Any) -> None:
    """Prints one JSON document on one line of stdout."""
    typer.echo(json.dumps(_finite(document), allow_nan=False))


def _finite(value: Any) -> Any:
    # JSON has no infinity, but a test loss can be infinite while the run continues.
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_error(sentence: str) -> None:
    """Prints on stderr, so that it never mixes with output for a program. Names of data folders get their paths."""
    if _chosen and ("CNNLAB_DATA" in sentence or "CNNLAB_HOME/" in sentence):
        with suppress(ConfigError):  # CNNLAB_DATA itself may be what the sentence is about
            sentence = Places(_chosen[0], default_data()).explained(sentence)
    typer.echo(sentence, err=True)


def confirmed(question: str) -> bool:
    """Asks a question; only y, yes and 是 agree. Typer's own way to ask has words of one language."""
    try:
        answer = typer.prompt(f"{question} [y/N]", default="", show_default=False)
    except typer.Abort:
        print_error("\n" + _("The question was not answered, so nothing has changed; --yes answers it beforehand."))
        raise typer.Exit(2) from None
    return answer.strip().lower() in ("y", "yes", "是")


def readable(text: str) -> str:
    """Text from the command line, without the lone surrogates that Python puts for bytes that are not UTF-8."""
    return well_formed(text)


def state_sentence(run: Run) -> str:
    """What a run is doing, in the words of the pages."""
    state = state_word(run).lower()
    if run.position:
        text = _("Run {run} is {state}, number {position} in the queue.")
        return text.format(run=run.id, state=state, position=run.position)
    return _("Run {run} is {state}.").format(run=run.id, state=state)


def options_from(card: Card, settings: Sequence[str]) -> dict[str, OptionValue]:
    """The architecture's options from `option=value` texts. Raises ConfigError."""
    known = {option.name: option for option in card.options}
    options: dict[str, OptionValue] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(
                say("--set takes option=value, such as --set activation=relu, not {setting!r}.", setting=setting[:80]), "options"
            )
        name = name.strip()
        # An unknown name passes through: the card's check refuses it, with the names of its options.
        options[name] = known[name].parse(text) if name in known else text
    card.settings(options)
    return options


def shape_from(text: str) -> Shape:
    """C, H, W from "1x28x28". Raises ConfigError."""
    if not re.fullmatch(r"\d{1,6}([x×]\d{1,6}){2}", text):
        raise ConfigError(
            say("--input takes channels x height x width, such as 1x28x28, not {text!r}.", text=text[:80]), "input_shape"
        )
    channels, height, width = map(int, re.split("[x×]", text))
    return channels, height, width
