"""What Typer itself prints, in the reader's language: parts of its help, and its sentences about wrong usage.

Typer asks gettext for some of these and has the others fixed; none has a Chinese catalogue. Only public names are used: the classes
of a command's context and of its help's formatter. `tests/test_cli_chinese.py` fails where Typer has other words.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import typer

from cnnlab.i18n import ENGLISH, N_, _, language, translated

# Messages of Typer, of Pydantic and of the system: `translated` finds a sentence that was made from one of them.
SENTENCES = (
    N_("Show this message and exit."),
    N_("No such command {name}."),
    N_("No such command {name}. Did you mean {names}?"),
    N_("No such option: {name}"),
    N_("No such option: {name} (Possible options: {names})"),
    N_("Missing command."),
    N_("Missing argument {name}."),
    N_("Missing option {name}."),
    N_("Missing option {name}. Choose from: {choices}"),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
    N_("Got unexpected extra argument(s) ({arguments})"),
    N_("Invalid value for {name}: {reason}"),
    N_("Invalid value for {name}: Value error, {value} is not one of {choices}."),
    N_("Input should be greater than or equal to {number}"),
    N_("Input should be less than or equal to {number}"),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Unable to parse input string as an integer, exceeded maximum size"),
    N_("Input should be a valid number, unable to parse string as a number"),
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("File exists"),
    N_("File name too long"),
    N_("No space left on device"),
    N_("Read-only file system"),
)
_HEADINGS = {"Arguments": N_("Arguments"), "Options": N_("Options"), "Commands": N_("Commands")}
_REQUIRED, _DEFAULT = "required", "default: "

_Formatter: Any = typer.Context.formatter_class


class _InOneLanguage(_Formatter):
    """Writes help with its headings, usage and notes in the reader's language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or _("Usage: "))

    def write_heading(self, heading: str) -> None:
        title = _("{heading}:").format(heading=translated(_HEADINGS.get(heading, heading)))
        self.write(f"{'':>{self.current_indent}}{title}\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], *widths: Any, **more: Any) -> None:
        super().write_dl([(name, _described(text)) for name, text in rows], *widths, **more)


class _Context(typer.Context):
    formatter_class = _InOneLanguage


def _described(text: str) -> str:
    """The help of an option, with the notes that Typer sets behind it: "… [default: 10; required]"."""
    text, bracket, notes = text.rpartition("  [") if text.endswith("]") else (text, "", "")
    described = translated(text)
    return f"{described}  [{_('; ').join(map(_note, notes[:-1].split('; ')))}]" if bracket else described


def _note(text: str) -> str:
    if text == _REQUIRED:
        return _("required")
    if text.startswith(_DEFAULT):
        return _("default: {value}").format(value=text.removeprefix(_DEFAULT))
    return text  # a range, 1<=x<=10


def in_readers_language(command: Any) -> None:
    """Puts the help of a command, its options and its subcommands into the reader's language. Typer makes them for each call."""
    if language() == ENGLISH:
        return
    # Rich breaks lines at spaces alone, and cuts what does not fit; a Chinese character is as wide as two letters.
    command.rich_markup_mode = None
    command.context_settings["terminal_width"] = shutil.get_terminal_size().columns * 2 // 3
    command.context_class = _Context
    command.options_metavar = _("[OPTIONS]")
    if command.help:
        paragraphs = [translated(" ".join(part.split())) for part in command.help.split("\n\n")]
        command.help = "\n\n".join(paragraphs)
        command.short_help = paragraphs[0]  # Typer would cut a long one at a space, of which Chinese has none
    for parameter in command.params:
        if text := getattr(parameter, "help", None):
            parameter.help = translated(text)
    if subcommands := getattr(command, "commands", {}):
        command.subcommand_metavar = _("COMMAND [ARGS]...")
        for subcommand in subcommands.values():
            in_readers_language(subcommand)


def wrong_usage(error: Any) -> str:
    """Typer's sentence about wrong usage, on one line; help as it is, which Typer raises for a group without a command."""
    text = str(error.format_message())
    if type(error).__name__ == "NoArgsIsHelpError":  # Typer does not export it
        return text
    return translated(" ".join(text.split()))
