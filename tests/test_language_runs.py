"""Runs, sweeps, lessons and reports in Chinese: no English sentence is left, and nothing that is kept mixes languages."""

from __future__ import annotations

import re

import pytest
from golden_lab import ManyRuns, fill, unhurried
from page_fakes import open_page
from page_text import page_text
from test_golden_reports import CURVES, MACS, NOW, runs
from test_golden_sweeps import SEARCH, made

from cnnlab.assignments import Assignments
from cnnlab.i18n import using
from cnnlab.layers.trace import layer_table
from cnnlab.learn import Catalogue, Learners
from cnnlab.reports.html import html_report
from cnnlab.reports.networks import Network

ENGLISH = re.compile(r"(?:\b[a-z]{2,} ){3,}[a-z]{2,}")  # four words in a row


@pytest.fixture
def lab(tmp_path, monkeypatch):
    unhurried(monkeypatch)
    lab = ManyRuns(tmp_path)
    lab.home = "home"
    lab.lessons, lab.learners, lab.assignments = Catalogue(tmp_path), Learners(tmp_path), Assignments(tmp_path, lab.run)
    yield lab
    lab.store.close()


def own_words(text, lab):
    """The text without what people typed."""
    for run in lab.runs():
        for typed in filter(None, (run.name, run.note, *run.tags)):
            text = text.replace(typed, "")
    return text


@pytest.mark.parametrize("chosen", ["", "fast base", "base seed fast mlp"])
def test_runs_in_chinese_have_no_english_sentence(monkeypatch, lab, chosen):
    ids = fill(lab)
    address = {"runs": ",".join(ids[name] for name in chosen.split()), "base": ids["base"], "fold": "true", "parallel": "true"}
    app = open_page(monkeypatch, "runs", lab, lang="zh", apart="true", **(address if chosen else {}))

    text = page_text(app)

    assert app.title[0].value == "运行记录"
    assert ENGLISH.findall(own_words(text, lab)) == []
    assert all("lang=zh" in link.proto.query_string for link in app.get("page_link") if link.proto.page)


def test_a_sweep_in_chinese_has_no_english_sentence(monkeypatch, lab):
    lab.sweeps.keep("a0000001", SEARCH, *made(lab), owner="Ana", state="running", created=NOW.timestamp())
    text = page_text(open_page(monkeypatch, "runs", lab, lang="zh", sweep="a0000001"))

    assert "目前最佳" in text
    assert ENGLISH.findall(text.replace("Stopped after epoch 2: it was worse.", "")) == []


@pytest.mark.parametrize("lesson", ["convolution", "vgg", "reading-results"])
def test_lessons_in_chinese_have_no_english_sentence_around_them(monkeypatch, lab, lesson):
    app = open_page(monkeypatch, "learn", lab, lang="zh", lesson=lesson)
    with using("zh"):  # the test's own thread formats what the controls send
        next(button for button in app.button if button.label == "不预测，直接往下读").click().run()

    assert not app.exception
    assert ENGLISH.findall(own_words("\n".join(each.value for each in (*app.caption, *app.info)), lab)) == []
    assert all(re.search("[\u4e00-\u9fff]", button.label) for button in app.button)


def test_the_table_of_runs_is_kept_for_each_language(monkeypatch, lab):
    fill(lab)
    english, chinese = (page_text(open_page(monkeypatch, "runs", lab, lang=code)) for code in ("en", "zh"))

    assert "Best accuracy" in english
    assert "最佳准确率" in chinese
    assert "Best accuracy" not in chinese


def test_a_report_has_the_language_of_who_saves_it():
    networks = {"a0000000": Network(layer_table("lenet", options={"activation": "relu"}), "")}
    with using("zh"):
        html = html_report(list(runs().values()), CURVES, MACS, fold=True, now=NOW, networks=networks)

    seen = re.sub(r"<style>.*?</style>|<pre>.*?</pre>|<[^>]*>", " ", html, flags=re.DOTALL)
    assert '<html lang="zh-CN">' in html
    assert "的测试准确率" in seen
    assert ENGLISH.findall(seen) == []
