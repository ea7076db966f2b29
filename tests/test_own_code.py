"""The layers of a network in a file of the user's own: shared modules, branches and reused layers are counted right."""

from __future__ import annotations

import json

import pytest

from cnnlab.architectures.class_arguments import arguments_of
from cnnlab.cli import app
from cnnlab.errors import ConfigError

NET = """
import torch
from torch import nn
from beside import WIDTH
from typing import Literal, Optional

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.twice = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.left, self.right = nn.Conv2d(WIDTH, 2, 1), nn.Conv2d(WIDTH, 3, 1)
        self.tied = self.left
        self.token = nn.Parameter(torch.zeros(1, 5))
        self.head = nn.Linear(5, 10)

    def forward(self, x):
        x = self.twice(torch.relu(self.twice(self.stem(x))))
        x = torch.cat([self.tied(x), self.right(x)], dim=1)
        return self.head(x.mean([2, 3]) + self.token)

class Wide(nn.Module):
    def __init__(self, width, act: Literal["relu", "tanh"] = "relu", *, deep: Optional[int] = 1):
        super().__init__()
        self.layers = nn.Sequential(*[nn.Conv2d(3, 3 * width, 1) for _ in range(deep)])
        self.bend = {"relu": nn.ReLU, "tanh": nn.Tanh}[act]()

    def forward(self, x):
        return self.bend(self.layers(x)).mean([2, 3])

def other():
    return 3
"""


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    (tmp_path / "beside.py").write_text("WIDTH = 4\n", encoding="utf-8")
    (tmp_path / "broken.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            app(["layers", *arguments, "--home", str(tmp_path)])
        shown = capsys.readouterr()
        return left.value.code, shown.out, shown.err

    return run


def test_a_class_of_one_s_own_has_the_same_table(call):
    code, out, _ = call("--file", "net.py:Net", "--input", "3x8x8", "--json")

    table = json.loads(out)
    assert code == 0
    assert [(row["path"], row["kind"], row["parameters"], row["shared"]) for row in table["layers"]] == [
        ("stem", "Conv2d", 112, False),
        ("twice", "Conv2d", 148, False),
        ("relu", "ReLU", 0, False),
        ("twice", "Conv2d", 0, True),
        ("left", "Conv2d", 10, False),
        ("right", "Conv2d", 15, False),
        ("concatenate", "Concatenate", 0, False),
        ("mean", "Mean", 0, False),
        ("add", "Add", 0, False),
        ("head", "Linear", 60, False),
        ("Net", "Net", 5, False),
    ]
    assert table["parameters"] == 112 + 148 + 10 + 15 + 60 + 5
    assert table["macs"] == 64 * 9 * (3 * 4 + 2 * 4 * 4) + 64 * 4 * 5 + 50
    assert (table["architecture"], table["classes"]) == ("net.py:Net", 10)


def test_its_arguments_are_given_as_options_are(call):
    code, out, err = call("--file", "net.py:Wide", "--input", "3x8x8", "--set", "width=4", "--set", "act=tanh", "--json")

    assert code == 0, err
    assert [(row["kind"], row["output_shape"]) for row in json.loads(out)["layers"]] == [
        ("Conv2d", [12, 8, 8]), ("Tanh", [12, 8, 8]), ("Mean", [12]),
    ]  # fmt: skip


def test_an_argument_is_read_as_the_class_annotates_it_or_as_its_default_is():
    def takes(plain, named: str = "", *, rate: float = 1, yes=False, words: str | None = None, odd: Unknown = 2):  # noqa: F821
        """Stands for a class."""

    read = arguments_of(takes, "Net", ["plain=3", "named=4", "rate=2", "yes=on", "words=5", "odd=6"])

    assert read == {"plain": 3, "named": "4", "rate": 2.0, "yes": True, "words": "5", "odd": 6}
    assert [type(value) for value in read.values()] == [int, str, float, bool, str, int]
    assert arguments_of(takes, "Net", ["plain=a b"]) == {"plain": "a b"}
    with pytest.raises(ConfigError, match="must be finite numbers or texts"):
        arguments_of(takes, "Net", ["plain=1", "rate=inf"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "layers needs NAME, such as lenet, or else --network or --file"),
        (("lenet", "--file", "net.py:Net"), "layers needs NAME, --network or --file FILE.py:CLASS, one of them alone."),
        (("--file", "net.py:Net"), "--file needs --input, such as --input 3x32x32."),
        (("--file", "net.py", "--input", "3x8x8"), "--file takes FILE.py:Class, such as net.py:Net, not 'net.py'."),
        (("--file", "none.py:Net", "--input", "3x8x8"), "There is no file 'none.py'."),
        (("--file", "net.py:Nix", "--input", "3x8x8"), "The file 'net.py' has no class Nix."),
        (
            ("--file", "broken.py:Net", "--input", "3x8x8"),
            "cannot be run: ZeroDivisionError: division by zero (broken.py, line 1).",
        ),
        (
            ("--file", "net.py:Wide", "--input", "3x8x8"),
            "Wide needs width: add --set width=VALUE; it takes: width, act=relu, deep=1.",
        ),
        (
            ("--file", "net.py:Wide", "--input", "3x8x8", "--set", "wide=3"),
            "Wide has no argument 'wide'; it takes: width, act=relu,",
        ),
        (
            ("--file", "net.py:Wide", "--input", "3x8x8", "--set", "width"),
            "--set takes an argument as name=value, such as --set wi",
        ),
        (("--file", "net.py:Wide", "--input", "3x8x8", "--set", "width=x"), "Wide(width='x') fails: TypeError: "),
        (("--file", "net.py:Wide", "--input", "3x8x8", "--set", "act=elu"), "act must be one of relu, tanh, not 'elu'."),
        (("--file", "net.py:Wide", "--input", "3x8x8", "--set", "deep=1.5"), "deep must be a whole number, not '1.5'."),
        (("--file", "net.py:Net", "--input", "3x8x8", "--set", "width=3"), "Net has no argument 'width'; it takes: nothing."),
        (("--file", "net.py:other", "--input", "3x8x8"), "other makes no network: it must be a class that inherits from"),
        (("--file", "net.py:Net", "--input", "1x8x8"), "Net cannot take an image of 1×8×8: RuntimeError: "),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(call, arguments, sentence):
    code, _, err = call(*arguments)

    assert code == 2
    assert sentence in err
