"""The language of a browser: from its address, its switch, its cookie or itself; and pages without a text that is not marked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from page_fakes import open_page
from page_text import page_text
from streamlit.testing.v1 import AppTest
from test_golden_design import DesignLab
from wrapped import WRAPPED, unmarked

from cnnlab.architectures import cards
from cnnlab.cli import app
from cnnlab.datasets import entries
from cnnlab.i18n import glossary as glossary_module
from cnnlab.i18n import known, language, of_terminal, tag, using
from cnnlab.i18n.glossary import hover, shown_terms, terms
from cnnlab.i18n.language import folder
from pages._parts import language as of_browser
from pages._parts.live.plot import Chart, encoded
from pages._parts.markdown import labelled

ROOT = Path(__file__).parents[1]


def page():
    import streamlit as st

    from cnnlab.i18n import _
    from pages._parts.address import Address, link_to
    from pages._parts.language import switch
    from pages._parts.shell import in_words

    with in_words():
        address = Address("data")
        switch()
        st.text(_("Data"))
        st.text(f"link {link_to('design')}")
        address.flush()
        address.show_problems(st.container())


def opened(monkeypatch, *, locale=None, cookie="", **address):
    monkeypatch.setattr(of_browser.st, "context", SimpleNamespace(cookies={of_browser.COOKIE: cookie}, locale=locale))
    app = AppTest.from_function(page)
    app.query_params.update(address)
    return app.run()


def words(app):
    assert not app.exception
    return [text.value for text in app.text]


@pytest.mark.parametrize(
    "case",
    [
        (None, "", None, "Data", "{}"),  # a browser that names no language
        ("de-DE", "", None, "Data", "{}"),  # one that the lab does not speak
        ("zh-TW", "", None, "数据", "{}"),
        ("en-GB", "zh", None, "数据", "{}"),  # chosen on an earlier visit
        ("zh-CN", "en", None, "Data", "{}"),
        ("en-GB", "", "zh", "数据", "{'lang': 'zh'}"),  # so that links open in it too
        ("zh-CN", "", "en", "Data", "{'lang': 'en'}"),
    ],
)
def test_a_page_opens_in_the_language_of_its_address_else_of_the_visitor_else_of_the_browser(monkeypatch, case):
    locale, cookie, asked, shown, link = case
    app = opened(monkeypatch, locale=locale, cookie=cookie, **({"lang": asked} if asked else {}))

    assert words(app) == [shown, f"link {link}"]


def test_a_language_that_does_not_exist_is_a_sentence_and_leaves_the_address(monkeypatch):
    app = opened(monkeypatch, locale="zh-CN", lang="fr")

    assert words(app)[0] == "数据"
    assert app.warning[0].value == "地址中：lang 须为以下之一：en, zh；输入的是 'fr'。已改用默认值。"
    assert "lang" not in app.query_params


def test_the_switch_changes_the_page_at_once_and_the_browser_keeps_it(monkeypatch):
    app = opened(monkeypatch, locale="en-GB")

    app.radio(key="language switch").set_value("zh").run()

    assert words(app) == ["数据", "link {}"]
    kept = json.loads(app.get("bidi_component")[0].proto.json)
    assert kept == {"cookie": of_browser.COOKIE, "value": "zh"}


def test_the_switch_wins_over_the_language_in_the_address(monkeypatch):
    app = opened(monkeypatch, locale="en-GB", lang="zh")

    app.radio(key="language switch").set_value("en").run()

    assert words(app)[0] == "Data"
    assert app.query_params["lang"] in ("en", ["en"])


def test_a_terminal_has_the_language_of_its_locale_unless_the_lab_has_one_of_its_own():
    assert of_terminal({}) == of_terminal({"LANG": "C.UTF-8"}) == of_terminal({"LANG": "fr_FR.UTF-8"}) == "en"
    assert of_terminal({"LANG": "zh_CN.UTF-8"}) == "zh"
    assert of_terminal({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}) == "en"
    assert of_terminal({"CNNLAB_LANG": "zh", "LANG": "en_US.UTF-8"}) == "zh"


def test_languages_have_tags_that_browsers_know():
    assert (tag("en"), tag("zh")) == ("en", "zh-CN")
    assert (known("zh-Hant-TW"), known("ZH_cn.utf8"), known("en"), known("zhx"), known(None)) == ("zh", "zh", "en", None, None)


def test_a_term_shows_its_word_in_the_other_language():
    assert (hover("Padding"), hover("Parameters"), hover("Share")) == ("填充", "参数", "")
    assert terms("How its weights changed with the batch size") == "weight: 权重\n\nbatch size: 批量大小"
    assert terms("Share") == ""
    with using("zh"):
        assert (language(), hover("Padding"), hover("Share")) == ("zh", "padding", "")


@pytest.fixture
def german(monkeypatch, tmp_path):
    """A third language."""
    (tmp_path / "glossary.tsv").write_text("batch size\tBatchgröße\nrate\tRate\nepoch\tEpoche\n", encoding="utf-8")
    monkeypatch.setattr(glossary_module, "folder", lambda code: tmp_path if code == "de" else folder(code))
    monkeypatch.setattr(glossary_module, "LANGUAGES", ("en", "de", "zh"))
    kept = glossary_module.glossary, glossary_module._forms, glossary_module._terms
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


def test_with_a_third_language_each_reader_sees_the_right_words(german):
    assert terms("Batch size") == "batch size: Batchgröße · 批量大小"
    assert (hover("Epochs"), hover("Padding")) == ("Epoche · 轮", "填充")  # the third glossary may lack a term
    with using("de"):
        assert (terms("Batch size"), hover("Epoch"), terms("Padding")) == ("batch size: Batchgröße", "epoch", "")
        assert shown_terms("batchgröße", "Generatoren") == "batch size: Batchgröße"  # no "rate" within another word
    with using("zh"):
        assert terms("Batch size") == "batch size: 批量大小"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("design", {"compare": "googlenet", "detail": "2"}),
        ("design", {"image_size": "8", "hidden": "x", "nonsense": "1"}),
        ("design", {"architecture": "vgg", "image_size": "16"}),
        ("data", {"class": "2"}),
        ("data", {"dataset": "cifar10"}),
    ],
)
def test_a_page_in_chinese_has_no_english_sentence(monkeypatch, name, address):
    """Four English words in a row are a sentence that was forgotten; titles of papers stay as they are."""
    text = page_text(open_page(monkeypatch, name, DesignLab(), lang="zh", **address))

    assert re.search("设计网络|数据集", text)
    for title in (*(card.paper for card in cards()), *(entry.source for entry in entries())):
        text = text.replace(title, "")
    assert re.findall(r"(?:\b[a-z]{2,}[ ,]+){3,}[a-z]{2,}", text) == []


@pytest.mark.parametrize("name", WRAPPED)
def test_a_file_shows_no_text_that_is_not_marked(name):
    assert list(unmarked((ROOT / name).read_text(encoding="utf-8"))) == []


def test_an_unmarked_text_is_found():
    code = """
HELP = "Opens the page."
st.markdown("Some words")
st.button(_("Go"), help=HELP)
st.caption(f"{count} images")
st.text(_(f"{count} images"))
left, _ = st.columns(2)
st.metric(_("Size"), f"{size} px", help=translated(HELP))
"""
    found = [line.partition(":")[0] for line in unmarked(code)]

    assert sorted(found) == ["3", "4", "5", "6", "7"]


def test_the_command_line_says_what_is_wrong_in_the_language_of_the_terminal(monkeypatch, capsys):
    monkeypatch.setenv("CNNLAB_LANG", "zh")

    with pytest.raises(SystemExit):
        app(["layers", "lenet", "--set", "kernel_size=4"])

    assert "kernel_size 须为以下之一：1, 3, 5, 7；输入的是 '4'。" in capsys.readouterr().err


def test_an_error_at_a_control_names_it_by_its_label_in_the_reader_s_language():
    error = "learning_rate must be a number above 0 and at most 100, not -1.0."

    assert labelled(error, "learning_rate", "Learning rate") == error.replace("learning_rate", "Learning rate")
    with using("zh"):
        assert labelled(error, "learning_rate", "Learning rate").startswith("学习率 须为")


def test_a_chart_carries_its_terms_in_the_other_language():
    figure = {"layout": {"height": 9, "xaxis": {"title": {"text": "Epoch"}}, "yaxis": {}}, "data": [{"name": "Test accuracy"}, {}]}
    assert shown_terms("Batch sizes", "Epoch", "Epoch") == "batch size: 批量大小\n\nepoch: 轮"
    assert json.loads(encoded(Chart(figure, "label")).data)["charts"][0]["terms"] == ["epoch: 轮", "accuracy: 准确率"]
    with using("zh"):
        assert shown_terms("批量大小", "第 3 轮") == "batch size: 批量大小\n\nepoch: 轮"
