"""Sizes, percentages, durations and counts as text: one convention, and no second one beside it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from page_fakes import open_page
from page_runs import RunsLab
from typer.testing import CliRunner

from cnnlab import text
from cnnlab.cli import app
from cnnlab.i18n import using

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "cnnlab").rglob("*.py"), *(ROOT / "pages").rglob("*.py")])
# A per cent sign without its space, a format that makes one, binary units, and units behind a number from elsewhere.
OTHER_FORMS = re.compile(r"\d%|\.\d~?%|[kKMG]iB|[}\d][kMG]B\b|\} ?[kMG]B\b|\} (seconds?|minutes?|hours?)\b")
CSS = re.compile(r"(width|height|display|margin|border)[\w-]*:")


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (999.6, "1 kB"),
        (1_000, "1 kB"),
        (61_706 * 4, "246.8 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1 MB"),
        (999_950_000, "1 GB"),
        (16 * 10**9, "16 GB"),
        (80 * 2**30, "85.9 GB"),
        (1_234_567 * 10**6, "1,234.6 GB"),
    ],
)
def test_sizes_go_in_steps_of_a_thousand_and_never_reach_the_next_unit(count, words):
    assert text.size_text(count) == words


def test_percentages_have_a_space_and_one_decimal_or_none():
    assert [text.percent(share) for share in (0, 0.0963, 0.824, 1, None)] == ["0.0 %", "9.6 %", "82.4 %", "100.0 %", "–"]
    assert [text.percent(share, 0) for share in (0, 0.42, 1)] == ["0 %", "42 %", "100 %"]


@pytest.mark.parametrize(
    ("share", "rough", "exact"),
    [
        (1 / 300, "0.3 %", "0.3 %"),
        (0.0004, "< 0.1 %", "< 0.1 %"),
        (0.996, "99.6 %", "99.6 %"),
        (0.9997, "> 99.9 %", "> 99.9 %"),
        (1e-17, "0 %", "0.0 %"),  # of arithmetic
        (1.6, "160 %", "160.0 %"),  # a change may be larger than what was there
    ],
)
def test_a_share_that_is_not_nothing_or_not_all_never_reads_as_0_or_100(share, rough, exact):
    assert (text.percent(share, 0), text.percent(share)) == (rough, exact)


def test_no_confidence_reads_as_quite_sure_though_float32_rounds_it_to_that():
    assert [text.confidence_text(each) for each in (0.0, 0.824, 1.0)] == ["< 0.1 %", "82.4 %", "> 99.9 %"]
    assert [text.confidence_text(each, 0) for each in (0.0, 0.42, 1.0)] == ["< 0.1 %", "42 %", "> 99.9 %"]


@pytest.mark.parametrize(
    ("seconds", "sentence", "figures"),
    [
        (0, "0 seconds", "0:00"),
        (0.2, "1 second", "0:00"),
        (59.6, "60 seconds", "1:00"),
        (80, "80 seconds", "1:20"),
        (119.7, "2 minutes", "2:00"),
        (3_480, "58 minutes", "58:00"),
        (5_399, "90 minutes", "1:29:59"),
        (7_380, "2 hours", "2:03:00"),
        (129_600, "1.5 days", "36:00:00"),
        (10**8, "1,157 days", "27777:46:40"),
    ],
)
def test_durations_have_one_form_in_sentences_and_one_in_figures(seconds, sentence, figures):
    assert text.duration_text(seconds) == sentence
    assert text.duration(seconds) == figures


def test_counts_that_do_not_fit_are_rounded():
    assert [text.count_text(count) for count in (0, 61_706, 9_999_999, 128_807_306, 999_960_000, 7_550_000_000)] == [
        "0",
        "61,706",
        "9,999,999",
        "128.8 million",
        "1.00 billion",
        "7.55 billion",
    ]


def test_a_count_in_a_column_is_short_and_keeps_its_leading_digits():
    counts = (0, 999_999, 1_000_000, 924_844_032, 999_960_000, 7_547_232_256, 21_000_000_000_000)
    assert [text.short_count(count) for count in counts] == [*("0", "999,999", "1.0 M", "924.8 M", "1.00 G", "7.55 G", "21.00 T")]
    assert max(len(text.short_count(10**power - 1)) for power in range(15)) <= 9


def test_the_time_since_a_moment_is_in_the_largest_unit_that_fits():
    ages = (0, 59, 60, 7_199, 86_400 * 3)
    assert [text.ago(0, age) for age in ages] == ["just now", "just now", "1 minute ago", "1 hour ago", "3 days ago"]


def literals(node: ast.AST) -> list[str]:
    """The texts in the source, f-strings as they are written, without docstrings."""
    documented = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    docstrings = {id(part.body[0].value) for part in ast.walk(node) if isinstance(part, documented) and ast.get_docstring(part)}
    inside = {id(piece) for part in ast.walk(node) if isinstance(part, ast.JoinedStr) for piece in part.values}
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and id(part) not in docstrings | inside]
    return [text for text in texts if isinstance(text, str)] + [
        ast.unparse(part) for part in ast.walk(node) if isinstance(part, ast.JoinedStr)
    ]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_other_module_writes_sizes_and_percentages_in_a_form_of_its_own(file):
    # Code of exported scripts, and the program that installs a pack, run without the package.
    if (file.parent.name, file.name) in (("cnnlab", "text.py"), ("exports", "words.py"), ("stick", "start.py")):
        return
    for literal in literals(ast.parse(file.read_text(encoding="utf-8"))):
        assert CSS.search(literal) or not OTHER_FORMS.search(literal), literal


def drawn(page) -> str:
    """What the page shows as text: its sentences, labels, tiles, progress bars and tables."""
    kinds = (page.title, page.markdown, page.caption, page.warning, page.error, page.info, page.success, page.metric)
    texts = [element.value for kind in kinds for element in kind if not getattr(element, "allow_html", False)]
    texts += [element.proto.text for element in page.get("progress")] + [button.label for button in page.button]
    texts += [option for choice in page.selectbox for option in choice.options]
    return "\n".join([*texts, *(table.value.to_csv() for table in page.dataframe)])


@pytest.mark.parametrize("name", ["design", "data", "train", "run", "runs", "predict"])
def test_pages_draw_no_other_form(monkeypatch, tmp_path, name):
    lab = RunsLab(tmp_path)
    first, second = lab.trained("a"), lab.trained("b", seed=1)
    address = {"run": {"run": first}, "runs": {"runs": f"{first},{second}"}, "predict": {"run": first}}

    page = open_page(monkeypatch, "train" if name == "run" else name, lab, **address.get(name, {}))

    assert not page.exception
    assert len(drawn(page)) > 100
    assert not OTHER_FORMS.search(drawn(page))
    lab.store.close()


@pytest.mark.parametrize("arguments", [["layers", "lenet"], ["architectures"], ["datasets"], ["runs"], ["train", "--help"]])
def test_the_terminal_prints_no_other_form(tmp_path, arguments):
    home = [] if "--help" in arguments else ["--home", str(tmp_path)]
    lab = RunsLab(tmp_path)
    lab.trained("a")
    lab.store.close()

    output = CliRunner().invoke(app, [*arguments, *home]).output

    assert len(output) > 100
    assert not OTHER_FORMS.search(output)


def test_figures_in_words_follow_the_reader_and_numbers_stay():
    with using("zh"):
        assert [text.duration_text(seconds) for seconds in (1, 40, 3_480, 5_400, 864_000)] == [
            "1 秒", "40 秒", "58 分钟", "1.5 小时", "10 天",
        ]  # fmt: skip
        assert [text.size_text(count) for count in (1, 999, 246_800)] == ["1 字节", "999 字节", "246.8 kB"]
        assert [text.count_text(count) for count in (61_706, 61_100_000, 128_800_000, 7_550_000_000)] == [
            "61,706", "6110 万", "1.29 亿", "75.50 亿",
        ]  # fmt: skip
        assert (text.ago(0, now=7_300), text.ago(0, now=5), text.ordinal(22), text.percent(0.824)) == (
            "2 小时前", "刚刚", "第 22", "82.4 %",
        )  # fmt: skip


def test_columns_stand_below_each_other_also_where_characters_are_wide():
    lines = text.aligned(
        ("run", "state", "epochs"), [("a1", "已完成", "10"), ("b2", "Failed", "3")], right=("epochs",)
    ).splitlines()

    assert lines == ["run  state   epochs", "a1   已完成      10", "b2   Failed       3"]
