"""The layer table of every architecture as text that a reviewer reads: tests/golden/<name>.txt.

After an intended change, `pytest --regenerate-golden` writes them, cnnlab/layers/known and README's table; read the diff.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnnlab import architectures, presets
from cnnlab.architectures import cards
from cnnlab.layers import known
from cnnlab.layers.text import as_text
from cnnlab.layers.trace import layer_table

FOLDER = Path(__file__).parent / "golden"

every_card = pytest.mark.parametrize("card", cards(), ids=lambda c: c.name)


@every_card
def test_the_table_is_the_golden_one(card, regenerate_golden):
    file = FOLDER / f"{card.name}.txt"
    text = as_text(layer_table(card.name)) + "\n"

    if regenerate_golden:
        file.write_text(text, encoding="utf-8")

    assert file.exists(), "run: python -m pytest --regenerate-golden"
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("card", architectures.every_card(), ids=lambda c: c.name)
def test_the_table_that_comes_along_is_the_one_that_is_found(card, regenerate_golden):
    table = layer_table(card.name)
    if regenerate_golden:
        text = json.dumps(table.to_dict(), ensure_ascii=False, separators=(",", ":"))
        (known.FOLDER / f"{card.name}.json").write_text(text + "\n", encoding="utf-8")
        known._read.cache_clear()

    assert known.known_table(card.name, table.input_shape, 10, table.options) == table
    assert known.known_table(card.name, table.input_shape, 9, table.options) is None
    assert known.known_table(card.name, (2, *table.input_shape[1:]), 10, table.options) is None
    assert known.known_table(card.name, table.input_shape, 10, table.options | {"dropout": 0.25}) is None


def test_the_table_of_the_first_recipe_comes_along_so_that_start_does_not_wait_for_torch(regenerate_golden):
    config = presets.presets()[0].config()
    table = layer_table(config.architecture, config.input_shape, config.classes, config.options)
    if regenerate_golden:
        text = json.dumps(table.to_dict(), ensure_ascii=False, separators=(",", ":"))
        (known.FOLDER / f"{known.FIRST_RECIPE.format(config.architecture)}.json").write_text(text + "\n", encoding="utf-8")
        known._read.cache_clear()

    assert known.known_table(config.architecture, config.input_shape, config.classes, table.options) == table


@every_card
def test_the_golden_rows_add_up_to_the_promises_of_the_card(card):
    _, rows, totals = (FOLDER / f"{card.name}.txt").read_text(encoding="utf-8").strip().split("\n\n")

    columns = zip(
        *(line.replace(" %", "%").replace("< ", "<").rsplit(maxsplit=6)[-6:] for line in rows.splitlines()[1:]), strict=True
    )
    parameters, _, buffers, macs, activations, _ = ([_number(cell) for cell in column] for column in columns)

    assert sum(parameters) == card.parameters
    assert sum(macs) == card.macs
    assert [_number(line.split()[1]) for line in totals.splitlines()] == [
        sum(parameters),
        sum(buffers),
        sum(macs),
        sum(activations),
    ]


def test_every_golden_table_belongs_to_an_architecture():
    names = {card.name for card in cards()}
    assert {file.stem for file in FOLDER.glob("*.txt")} == names
    first = known.FIRST_RECIPE.format(presets.presets()[0].settings["architecture"])
    assert {file.stem for file in known.FOLDER.iterdir()} == {card.name for card in architectures.every_card()} | {first}


def _number(cell: str) -> float:
    return float(cell.replace(",", "").strip("<%"))
