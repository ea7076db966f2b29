"""A class of PyTorch in a user's own file, trained by the command line: a run like others, and nobody else can start one."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing

import pytest
import torch
from page_fakes import open_page
from page_runs import RunsLab

from cnnlab.architectures import card, every_card
from cnnlab.cli import app
from cnnlab.compute import answers
from cnnlab.config import RunConfig
from cnnlab.config_words import words
from cnnlab.errors import ConfigError
from cnnlab.lab import Lab
from cnnlab.layers.trace import layer_table
from cnnlab.runs.records import State
from cnnlab.runs.store import Store
from cnnlab.runs.store_connection import Connections
from cnnlab.system import kept_code, working_home
from cnnlab.system.home import run_folder
from cnnlab.training import checkpoints, initialization
from cnnlab.training.recordable import recordable
from cnnlab.workers.runner import execute
from pages._parts.forms.link import config_of

NET = """
from __future__ import annotations
from dataclasses import dataclass
import torch
from torch import nn
from torch.nn import functional as F

@dataclass
class Sizes:
    width: int = 4

class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)

class Net(nn.Module):
    def __init__(self, width: int = Sizes().width):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.twice = nn.Conv2d(width, width, 3, padding=1)
        self.left, self.right = nn.Conv2d(width, 2, 1), nn.Conv2d(width, 2, 1)
        self.unused = nn.Linear(3, 3)
        self.hidden, self.tied = nn.Linear(4 * 49, 16), nn.Linear(16, 16)
        self.again = nn.Linear(16, 16)
        self.again.weight = self.tied.weight
        self.swish, self.relu = Swish(), nn.ReLU(inplace=True)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.twice(self.relu(self.twice(self.stem(x))))
        x = F.max_pool2d(torch.cat([self.left(x), self.right(x)], 1), 2)
        x = self.swish(self.hidden(x.view(x.size(0), -1)))
        return self.head(self.again(self.relu(self.tied(x))))
"""
PARAMETERS = {
    "stem": 40, "twice": 148, "left": 10, "right": 10, "hidden": 3152, "tied": 272, "again": 16, "head": 170, "Net": 12,
}  # fmt: skip
ONLY_HERE = "Only the command line on the lab's machine trains a network of own code: python -m cnnlab train --file net.py:Net."
WRONG = """
import torch
from torch import nn

class Few(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 7)
    def forward(self, x):
        return self.layer(x.flatten(1))

class Flat(Few):
    def forward(self, x):
        return self.layer(x)

class Pair(Few):
    def forward(self, x):
        return x, x

class Empty(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :10]

class Quits(nn.Module):
    def __init__(self):
        exit(3)

class Moody(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(784, 10)
    def forward(self, x):
        if self.training:
            raise ValueError("not today")
        return self.layer(x.flatten(1))
"""


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    for name, text in {
        "net": NET, "wrong": WRONG, "syntax": "def f(:\n", "two": "import wrong\n", "gone": "import nothing_here\n"
    }.items():  # fmt: skip
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(working_home.HOME, "")

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            app([*arguments, "--home", str(tmp_path / "home")])
        shown = capsys.readouterr()
        return left.value.code, shown.out, shown.err

    return run


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Settings of own code that a lab keeps, as its run has them."""
    monkeypatch.setenv(working_home.HOME, str(tmp_path))
    code = kept_code.keep(tmp_path, "net.py", "Net", NET.encode())
    return RunConfig.make(
        architecture="own-code", options={"code": code.text}, limit=100, epochs=1, device="cpu", initialization="pytorch"
    )


def test_it_trains_and_its_run_goes_on_with_the_text_that_it_began_with(call, tmp_path):
    code, out, err = call(
        *("train", "--file", "net.py:Net", "--dataset", "sample", "--limit", "200", "--epochs", "1", "--device", "cpu", "--json")
    )
    assert code == 0, err
    run_id = json.loads(out.splitlines()[0])["run"]
    (tmp_path / "net.py").write_text("1 / 0", encoding="utf-8")
    sys.modules.pop(next(name for name in sys.modules if name.startswith("cnnlab_own_code_")))

    with closing(Store(tmp_path / "home")) as store:
        store.extend(run_id, 1)
        assert execute(store, run_id) is State.FINISHED
        run = store.run(run_id)

    assert (run.epochs_done, run.config.network, run.parameters) == (2, "net.py:Net", sum(PARAMETERS.values()))
    assert (run.config.image_size, run.config.initialization) == (28, "pytorch")
    assert words("architecture", "own-code") == "Your own code"
    assert words("options.code", run.config.options["code"]).startswith("net.py:Net (")
    weights = checkpoints.load(run_folder(tmp_path / "home", run_id) / "best.pt")["model"]
    assert torch.equal(weights["tied.weight"], weights["again.weight"])

    (tmp_path / "run.json").write_text(run.config.to_json(), encoding="utf-8")
    code, _, err = call("train", "--config", "run.json")
    assert (code, err) == (2, f"{ONLY_HERE}\n")


def test_a_run_of_own_code_is_deleted_where_a_full_disk_leaves_the_record_to_one_connection(kept, tmp_path, monkeypatch):
    opened = Connections._opened

    def not_shared(connections, address, *, alone=False):
        if not alone:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        assert not address.startswith("file:"), "a second one has waited ten seconds for the first, and reads beside it"
        return opened(connections, address, alone=True)

    with closing(Store(tmp_path)) as store:
        runs = [store.create(kept, token, state=State.FINISHED, own_code=True) for token in ("first", "second")]
    monkeypatch.setattr(Connections, "_opened", not_shared)

    with closing(Lab(tmp_path)) as lab:
        lab.delete(runs[0])
        assert list((tmp_path / "own_code").glob("*/net.py"))
        lab.delete(runs[1])
        assert not (tmp_path / "own_code").exists()


def test_its_arguments_are_kept_with_the_run_and_its_code_goes_with_the_last_run(call, tmp_path):
    train = "train", "--file", "net.py:Net", "--dataset", "sample", "--limit", "100", "--epochs", "1", "--device", "cpu", "--json"
    runs = []
    for more in ((), ("--set", "width=6")):
        code, out, err = call(*train, *more)
        assert code == 0, err
        runs.append(json.loads(out.splitlines()[0])["run"])
    files = [each.name for each in (tmp_path / "home" / "own_code").glob("*/*")]

    with closing(Lab(tmp_path / "home")) as lab:
        configs = [lab.run(run_id).config for run_id in runs]
        assert [words("options.arguments", config.options["arguments"]) for config in configs] == ["none", "width=6"]
        assert initialization.network(configs[1], 10).stem.out_channels == 6
        lab.delete(runs[0])
        assert files == ["net.py"]
        assert kept_code.KeptCode.read(configs[1].options["code"]).source(tmp_path / "home") == NET.encode()
        lab.delete(runs[1])
    assert not (tmp_path / "home" / "own_code").exists()


def test_a_run_that_is_made_while_the_last_other_one_is_deleted_keeps_its_code(call, tmp_path, monkeypatch):
    train = "train", "--file", "net.py:Net", "--dataset", "sample", "--limit", "100", "--epochs", "1", "--device", "cpu", "--json"
    _, out, _ = call(*train)
    first = json.loads(out.splitlines()[0])["run"]
    training = sys.modules["cnnlab.cli.train"]  # the package gives the command by this name
    check = training._check

    def deleted_meanwhile(*given):
        check(*given)
        with closing(Lab(tmp_path / "home")) as lab:
            lab.delete(first)
        assert not (tmp_path / "home" / "own_code").exists()

    monkeypatch.setattr(training, "_check", deleted_meanwhile)
    code, _, err = call(*train)

    assert code == 0, err
    assert [each.name for each in (tmp_path / "home" / "own_code").glob("*/*")] == ["net.py"]


def test_branches_and_reused_and_shared_layers_are_counted_once(kept):
    table = layer_table(kept.architecture, kept.input_shape, kept.classes, kept.options)

    assert {row.path: row.parameters for row in table.rows if row.parameters} == PARAMETERS
    assert [(row.path, row.shared) for row in table.rows if row.path in ("twice", "again")] == [
        ("twice", False), ("twice", True), ("again", True),
    ]  # fmt: skip
    assert table.name == "net.py:Net"
    assert (table.rows[-1].settings, table.rows[-1].output_shape) == ("layers that it does not use", (10,))


def test_a_seed_draws_the_same_weights_and_a_table_draws_none(kept):
    first = initialization.network(kept, 10).state_dict()
    after = torch.random.get_rng_state()
    layer_table(kept.architecture, kept.input_shape, kept.classes, kept.options)

    assert torch.equal(after, torch.random.get_rng_state())
    again = initialization.network(kept, 10).state_dict()
    assert all(torch.equal(values, again[name]) for name, values in first.items())
    assert not recordable(kept, "cuda")
    assert recordable(RunConfig.make(), "cuda")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("wrong.py:Few", "gives 1×7 for a batch of one image, but there are 10 classes, so it must give 1×10: change its last "),
        ("wrong.py:Flat", "Flat cannot take an image of 1×28×28: RuntimeError: "),
        ("wrong.py:Flat", "(wrong.py, line 14)."),
        ("wrong.py:Pair", "Pair must give one tensor, with a number for each class, not a tuple."),
        ("wrong.py:Empty", "Empty has no weights that could learn: give it a layer."),
        ("wrong.py:Quits", "Quits() fails: SystemExit: 3 (wrong.py, line 26)."),
        ("wrong.py:Nix", "The file 'wrong.py' has no class Nix."),
        ("wrong.py:Ä", "A class that is trained has at most 60 Latin letters, digits and underscores in its name, not 'Ä'."),
        ("syntax.py:Net", "The file 'syntax.py' cannot be run: SyntaxError: invalid syntax (syntax.py, line 1)."),
        ("gone.py:Net", "ModuleNotFoundError: No module named 'nothing_here' (gone.py, line 1)."),
        ("two.py:Net", "'two.py' imports 'wrong', which lies beside it, and a run keeps one file alone: put both into one file."),
        ("none.py:Net", "There is no file 'none.py'."),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_a_sentence_and_leaves_nothing(call, tmp_path, source, sentence):
    code, _, err = call("train", "--file", source, "--dataset", "sample")

    assert code == 2
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_what_fails_while_it_trains_names_its_line(call):
    code, _, err = call("train", "--file", "wrong.py:Moody", "--dataset", "sample", "--limit", "100", "--device", "cpu", "--json")

    assert code == 2
    assert "unexpected ValueError (not today; wrong.py, line 34)" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "lenet", "--file", "net.py:Net"), "--file has the whole network: leave NAME and --network out."),
        (("train", "--file", "net.py:Net"), "train needs --dataset"),
        (("train", "--file", "net.py:Net", "--dataset", "sample", "--device", "at:lab"), "at:lab"),
    ],
)
def test_what_does_not_go_with_a_file_is_a_sentence(call, arguments, sentence):
    code, _, err = call(*arguments)

    assert (code, len(err.splitlines())) == (2, 1)
    assert sentence in err


def test_code_that_was_changed_or_is_gone_is_not_run(kept, tmp_path):
    code = kept_code.KeptCode.read(kept.options["code"])
    sys.modules.pop(f"cnnlab_own_code_{code.digest}", None)
    code.place(tmp_path).write_text(NET + "\nraise SystemExit", encoding="utf-8")

    with pytest.raises(ConfigError, match="is not in this lab any more, or was changed"):
        card("own-code").build(kept.input_shape, 10, kept.options)
    assert RunConfig.from_json(kept.to_json()) == kept  # its runs stay readable


@pytest.mark.parametrize(
    "text", ["", "net.py:Net", "../net.py:Net@" + "0" * 64, "a/b.py:Net@" + "0" * 64, "net.py:N t@" + "0" * 64, 3]
)
def test_no_other_text_names_kept_code(text):
    with pytest.raises(ConfigError, match="code must be the name of code that the lab keeps"):
        RunConfig.make(architecture="own-code", options={"code": text})


def test_an_address_names_no_own_code(kept, tmp_path, monkeypatch):
    address = {"architecture": "own-code", "code": kept.options["code"], "dataset": "sample"}
    assert "own-code" not in [each.name for each in every_card()]
    with pytest.raises(ConfigError, match=r"There is no architecture 'own-code'; choose one of: mlp, lenet, .*, torchvision\.$"):
        config_of(address, {})

    lab = RunsLab(tmp_path / "other")
    with closing(lab.store):
        for page in ("train", "design"):
            opened = open_page(monkeypatch, page, lab, **address)
            assert not opened.exception
            assert any("not 'own-code'. The default is used." in box.value for box in opened.warning)


def test_its_page_offers_no_new_run_of_it(kept, tmp_path, monkeypatch):
    lab = RunsLab(tmp_path / "other")
    with closing(lab.store):
        run_id = lab.store.create(kept, "t", own_code=True)
        opened = open_page(monkeypatch, "train", lab, run=run_id)

    assert not opened.exception
    labels = {each.label for each in opened.button}
    assert not labels & {"Change one thing", "Try several values", "Use its settings"}
    assert any("`python -m cnnlab train --file net.py:Net --dataset sample`" in each.value for each in opened.caption)


def test_it_trains_on_this_machine_alone(kept, tmp_path, monkeypatch):
    place = type("Place", (), {"title": "the cluster", "name": "slurm"})
    monkeypatch.setattr(answers.settings, "find", lambda *_: place)

    with pytest.raises(ConfigError, match="Own code trains on the lab's machine alone, not at the cluster"):
        answers.check_run(tmp_path, kept.change(device="at:slurm"))
