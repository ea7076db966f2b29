"""The command line in Chinese: its help, what it prints, and what it says about wrong input, the words of Typer included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from command_lab import commands_in
from typer.testing import CliRunner

from cnnlab.cli import app
from cnnlab.runs.store import Store

# What stays English in a line: names of products, and what is typed.
STAYS = re.compile(r"OpenID Connect|NAME|CNN Lab|python -m cnnlab|\b(root )?class \w+|Noto[\w ]+")
ENGLISH = re.compile(r"\b[A-Za-z]{2,}(?: +[A-Za-z]{2,}){2,}|\b(?:Usage|Options|Arguments|Commands|default|required|Error)\b")


@pytest.fixture(autouse=True)
def chinese(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNLAB_LANG", raising=False)
    monkeypatch.delenv("CNNLAB_DATA", raising=False)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    monkeypatch.setenv("CNNLAB_HOME", str(tmp_path))


def english_in(text: str) -> list[str]:
    """The runs of English words in a text that are not names."""
    return ENGLISH.findall(STAYS.sub("…", text))


def paths(command: Any, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command, with the words that call it."""
    yield before
    for name, each in getattr(command, "commands", {}).items():
        yield from paths(each, *before, name)


@pytest.mark.parametrize("path", list(paths(typer.main.get_command(app))), ids=" ".join)
def test_help_is_chinese_and_whole(path):
    output = CliRunner().invoke(app, [*path, "--help"]).output

    assert english_in(output) == []
    assert output.startswith("用法：")
    assert "显示这段说明并退出" in output
    assert "..." not in output, "nothing is cut"


def test_a_group_without_a_command_prints_its_help():
    alone, asked = (CliRunner().invoke(app, arguments) for arguments in (["class"], ["class", "--help"]))

    assert alone.stderr == asked.stdout


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("laers", "没有名为 'laers' 的命令。您是不是想输入 'layers'"),
        ("class nothing", "没有名为 'nothing' 的命令。"),
        ("layers lenet --bogus", "没有这个选项：--bogus"),
        ("layers lenet --depht 1", "没有这个选项：--depht（可用的选项：--depth"),
        ("layers lenet extra", "多出了参数（extra）"),
        ("predict", "缺少参数 'RUN'。"),
        ("export a", "缺少选项 '--as'。可选的值：script, notebook"),
        ("export a --as b --output c", "'--as' 的值无效：'b' 不是以下之一：'script'"),
        ("runs --count", "选项 '--count' 需要一个值。"),
        ("runs --count 0", "'--count' 的值无效：须大于或等于 1"),
        ("runs --count 99999", "'--count' 的值无效：须小于或等于 10000"),
        ("runs --count x", "'--count' 的值无效：须为整数"),
        ("import x --test-share x", "'--test-share' 的值无效：须为数字"),
        ("import x --gray=1", "选项 '--gray' 不带值。"),
        ("import nothing", "没有文件或文件夹 'nothing'：请检查路径。"),
        ("layers --network nowhere", "无法读取网络 'nowhere'（没有这个文件或文件夹）。"),
        ("train lenet", "train 需要 --dataset"),
        ("sweep lenet", "sweep 需要一个变化的设置，例如 --vary batch_size=32,64,128 或 --vary"),
        ("train lenet --dataset sample --epochs 0", "epochs 须为"),
        ("predict abcdef01", "abcdef01"),
        ("doctor --quick --port 70000", "服务器的端口是 70000"),
    ],
)
def test_wrong_input_is_answered_in_chinese(typed, sentence):
    result = CliRunner().invoke(app, typed.split())
    answer = result.stderr or result.stdout

    assert result.exit_code != 0
    assert sentence in answer
    assert english_in(answer) == []


def test_what_commands_print_is_chinese(tmp_path, monkeypatch):
    call = commands_in(tmp_path, monkeypatch)
    printed = [call(*line.split()) for line in ("runs", "sweeps", "import --list", "architectures", "datasets", "layers lenet")]
    printed.append(call("train", "lenet", "--dataset", "sample", "--limit", "40", "--epochs", "1", "--device", "cpu"))
    printed.append(call("train", "lenet", "--dataset", "sample", "--queue"))
    store = Store(tmp_path)
    run = store.runs()[-1].id
    store.close()
    printed += [call("runs"), call("predict", run, "--count", "2"), call("extend", run, "2")]
    printed += [call("stop", run), call("delete", run, "--yes")]
    printed.append(CliRunner().invoke(app, ["doctor", "--quick"]).stdout)

    assert [english for text in printed for english in english_in(text)] == []
    assert all(re.search("[\u4e00-\u9fff]", text) for text in printed)
    lines = [line for line in printed[-1].splitlines() if line[:1] in ("✓", "!", "✗")]
    assert all(re.match(r". ([\u4e00-\u9fff]+|Python|PyTorch|CPU)：", line) for line in lines)
    assert len(lines) > 10


def test_a_document_for_programs_stays_english(tmp_path):
    found = CliRunner().invoke(app, ["doctor", "--quick", "--json"]).stdout

    assert not re.search("[\u4e00-\u9fff]", found)
