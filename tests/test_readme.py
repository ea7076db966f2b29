"""The README under test: its table of architectures and its commands are checked against the code."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from cnnlab.architectures import Card, cards
from cnnlab.cli import app
from cnnlab.text import shape_text

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- architectures: begin -->", "<!-- architectures: end -->"


def _table() -> str:
    lines = ["| name | network | year | default input | parameters | MACs | what to notice |", "|---|---|---:|---|---:|---:|---|"]
    return "\n".join(lines + [_row(card) for card in cards()])


def _row(card: Card) -> str:
    shape = shape_text(card.input_shape)
    return f"| `{card.name}` | {card.title} | {card.year} | {shape} | {card.parameters:,} | {card.macs:,} | {card.summary} |"


def test_readme_lists_every_architecture_as_its_card_does(regenerate_golden):
    text = README.read_text(encoding="utf-8")
    if regenerate_golden:
        text = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{_table()}\n\n{END}", text, flags=re.DOTALL)
        README.write_text(text, encoding="utf-8")

    stands_there = text.split(BEGIN)[1].split(END)[0].strip()

    assert stands_there == _table(), "run: python -m pytest --regenerate-golden"


def test_every_command_in_the_readme_exists():
    pattern = r"^    python -m cnnlab ((?:class )?[a-z]+)(.*)$"
    commands = re.findall(pattern, README.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert len(commands) >= 5
    for command, rest in commands:
        help_text = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert help_text.exit_code == 0, command
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in help_text.output, f"{command} has no {option}"


def test_every_picture_in_the_readme_is_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README.read_text(encoding="utf-8"))

    assert pictures
    for picture in pictures:
        assert (README.parent / picture).is_file(), picture
