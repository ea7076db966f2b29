"""Every catalogue: complete, in order, with the placeholders and the terms of the English; and sentences find their way back."""

from __future__ import annotations

import re
import time
from functools import cache
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from cnnlab.i18n import LANGUAGES, N_, english, nsay, say, shown, together, translated, using
from cnnlab.i18n.catalogue import catalogue
from cnnlab.i18n.glossary import glossary
from cnnlab.i18n.language import folder
from cnnlab.i18n.matching import in_language
from cnnlab.i18n.update import extracted, updated

OTHERS = LANGUAGES[1:]
# Where a text uses a term's word in another sense: the term, and how the text begins.
NOT_THE_TERM = {"zh": {("batch", "the folder cifar-10-batches-py"), ("epoch", "epoch must be ")}}  # the latter as in an address


def path_of(code):
    return folder(code) / "LC_MESSAGES" / "cnnlab.po"


@cache
def texts():
    return extracted()


@cache
def entries(code):
    with path_of(code).open("rb") as file:
        return [message for message in read_po(file, locale=folder(code).name) if message.id]


def pairs(code):
    """Each English text beside its translation; a plural beside each of the forms."""
    for message in entries(code):
        if isinstance(message.id, str):
            yield message.id, message.string
        else:
            yield from ((message.id[-1], form) for form in message.string)


def places(text):
    """The placeholders of a text with their formats."""
    return {(name, conversion, spec) for _, name, spec, conversion in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", OTHERS)
def test_the_catalogue_has_each_text_of_the_code_and_no_other(code):
    kept = path_of(code).read_text(encoding="utf-8")

    assert updated(path_of(code), texts()) == kept, "run python -m cnnlab.i18n.update, and translate what is new"


@pytest.mark.parametrize("code", OTHERS)
def test_each_text_is_translated_and_none_is_a_guess(code):
    assert [english for english, other in pairs(code) if not other] == []
    assert [message.id for message in entries(code) if message.fuzzy] == []


@pytest.mark.parametrize("code", OTHERS)
def test_the_app_reads_what_babel_reads(code):
    read = catalogue(code)

    assert {message.id if isinstance(message.id, str) else message.id[0] for message in entries(code)} == set(read.messages)
    for message in entries(code):
        if isinstance(message.id, str):
            assert read.text(message.id) == message.string
        else:
            assert tuple(message.string) == read.messages[message.id[0]].translations


@pytest.mark.parametrize("code", OTHERS)
def test_translations_have_the_placeholders_and_the_marks_of_the_english(code):
    for text, other in pairs(code):
        assert places(other) == places(text), text
        assert other.count("*") == text.count("*"), text
        assert "\n" not in text + other, text


def test_chinese_has_chinese_punctuation():
    """Full-width marks beside Chinese characters; half-width ones stay in figures, names and code."""
    wrong = [
        other
        for _, other in pairs("zh")
        if re.search(r"[\u4e00-\u9fff] ?[,;:?!](?!\S*\.)|[\u4e00-\u9fff]\.(\s|$)|\.\.\.|(?<!…)…(?!…)(?! \+)", other)
    ]

    assert [other for other in wrong if "−0.2 …" not in other] == []


@pytest.mark.parametrize("code", OTHERS)
def test_bold_words_end_where_markdown_sees_it(code):
    """Stars after a full-width sign and before a letter end nothing: **目标：**在 shows its stars, **目标**：在 is bold."""
    halves = [(other, other.split("**")) for _, other in pairs(code)]

    assert [
        text
        for text, parts in halves
        for bold, after in zip(parts[1:-1:2], parts[2::2], strict=False)
        if re.search(r"[^\w\s}]$", bold) and re.match(r"[\w{]", after)
    ] == []


@pytest.mark.parametrize("code", OTHERS)
def test_terms_are_those_of_the_glossary(code):
    wrong = []
    for text, other in pairs(code):
        rest = re.sub(r"{[^}]*}", " ", text.lower())
        for term in sorted(glossary(code), key=len, reverse=True):  # a longer term first: "batch size" before "batch"
            pattern = rf"\b{re.escape(term)}(s|es)?\b"
            if not re.search(pattern, rest):
                continue
            rest = re.sub(pattern, " ", rest)
            excused = any(term == word and text.startswith(start) for word, start in NOT_THE_TERM.get(code, ()))
            if not excused and not any(word in other for word in glossary(code)[term]):
                wrong.append((term, text, other))
    assert wrong == []


def samples(text):
    """Made values for the placeholders: words that no message has, numbers where the format or the name wants them."""
    numbers = {name for name, _, spec in places(text) if (spec and spec[-1] in ",dfgn%") or name in ("count", "number")}
    return {name: 12345 if name in numbers else f"Qx{name}7" for name, *_ in places(text)}


@pytest.mark.parametrize("code", OTHERS)
def test_a_sentence_with_values_is_translated_as_the_message_it_was_made_from(code):
    """Also the test for two messages that cannot be told apart: the sentence of one would be translated as the other."""
    wrong = []
    for message in catalogue(code).messages.values():
        for text in filter(None, (message.singular, message.plural)):
            if "{" in text and re.search(r"[^\W\d_]{2}", re.sub(r"{[^}]*}", "", text)):
                values = samples(text)
                found, expected = in_language(text.format(**values), code), message.translations[-1].format(**values)
                # A value keeps the form that the English gave it: 12,345.
                if found.replace("12,345", "12345") != expected.replace("12,345", "12345"):
                    wrong.append((text, found))
    assert wrong == []


def test_a_sentence_made_elsewhere_is_translated_where_it_is_shown():
    wire = say(
        "In the address: {error} The default is used.",
        error=say("{name} must be one of {allowed}, not {value!r}.", name="lang", allowed="en, zh", value="fr"),
    )
    assert wire == "In the address: lang must be one of en, zh, not 'fr'. The default is used."
    with using("zh"):
        assert translated(wire) == "地址中：lang 须为以下之一：en, zh；输入的是 'fr'。已改用默认值。"
        assert translated("Nobody wrote this sentence.") == "Nobody wrote this sentence."
        assert translated(f"{wire} Nobody wrote this.") == f"{translated(wire)}Nobody wrote this."
    assert translated(wire) == wire


def test_what_people_typed_is_not_translated():
    """A run may be called Training, or like a class."""
    with using("zh"):
        assert translated("“Training” and “Coat”") == "“Training”和“Coat”"


def test_a_setting_keeps_its_name_in_an_error():
    """Though “epoch” and “right” are words on the pages, too."""
    with using("zh"):
        wrong = say("{name} must be {rule}, not {value!r}.", name="right", rule="true or false", value="9")
        assert translated(wrong) == "right 须为：true 或 false；输入的是 '9'。"


def test_a_sentence_is_found_without_its_full_stop():
    message = say("{place} lacks {files}", place="CNNLAB_DATA/MNIST", files="x.gz")
    damaged = say("The file {name} is not a checkpoint of this lab.", name="a.pt")
    with using("zh"):
        assert translated(f"{message}.") == "CNNLAB_DATA/MNIST 缺少 x.gz。"
        assert translated(damaged.removesuffix(".")) == "文件 a.pt 不是本实验室的检查点"
        assert together("一。", "二", "三") == "一。二 三"


def test_sentences_stay_english_where_the_process_speaks_another_language():
    """A page makes an error with a duration that it would show in Chinese; the record keeps English."""
    with using("zh"):
        time_left = shown(nsay("{count} minute ago", "{count} minutes ago", 5, count=5))
        wire = say("{time} left", time=time_left)
    assert (str(time_left), english(time_left), wire) == ("5 分钟前", "5 minutes ago", "5 minutes ago left")
    with using("zh"):
        assert translated(wire) == "还剩 5 分钟前"


def test_looking_up_a_sentence_takes_far_less_than_a_millisecond():
    with using("zh"):
        translated("warm up: builds the index 1")
        begun = time.process_time()
        for number in range(300):  # none is in the cache
            needs = f"LeNet-5 needs about {number} MB for batches of {number} at 28 px, and this machine has 1 GB free"
            translated(f"{needs}: batches of 7 would fit.")
            translated(f"Sentence {number} is in no catalogue. Its images, layers, runs and parameters occur in many messages.")
        each = (time.process_time() - begun) / 600

    assert each < 0.002  # measured 0.1 ms; a bound for a busy machine


def test_marking_changes_nothing():
    assert (N_("Design"), say("{a} of {b}", a=1, b=2), nsay("{n} run", "{n} runs", 1, n=1)) == ("Design", "1 of 2", "1 run")
