"""Reading a lesson: what its file becomes, and that each fault names the line and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnlab.errors import LessonError
from cnnlab.learn.catalogue import Catalogue
from cnnlab.learn.lesson import FIGURES
from cnnlab.learn.read import MOST_BYTES, parse_lesson, read_lesson

FOLDER = Path(__file__).parent / "lessons"
NAME = "06-made-up.md"
TEXT = (FOLDER / "en" / NAME).read_text(encoding="utf-8")
FAULTS = [  # what is written instead of what, the line, and the reason
    ("minutes = 6", "minutes = 60", 6, "minutes should be less than or equal to 10, not 60"),
    ("minutes = 6\n", "minute = 6\n", 6, "'minute' is not known: perhaps minutes is meant"),
    ("minutes = 6\n\n", "\n", 2, "minutes is missing"),
    ("number = 6", 'number = "6"', 3, "number should be a valid integer, not '6'"),
    ("number = 6", "number =", 3, "the header is not TOML: Invalid value"),
    ("number = 6", "number = 7", 1, "the file of lesson 7, made-up, must be called 07-made-up.md"),
    ("right = 2", "right = 4", 8, "right must be a number from 1 to 3, one of the options, not 4"),
    ('page = "design"', 'page = "home"', 35, "page should be 'design', 'data', 'train', 'runs', 'predict' or 'inside', not 'home'"),
    (
        'query = "architecture=lenet&compare=mlp"',
        'query = "lenet"',
        36,
        "query must be names and values, as in a=1&b=2, not 'lenet'",
    ),
    ("low = 0.594", "low = 5.94", 30, "low should be less than or equal to 1, not 5.94"),
    ("low = 0.594", "low = 0.94", 30, "low must not be above high: 0.94 and 0.701"),
    ("flat = ", "flatt = ", 30, "'flatt' is not known: perhaps flat is meant"),
    ("right = true, ", "right = false, ", 40, "one of the options must be right, not 0"),
    ('reason = "It is', 'raison = "It is', 44, "'raison' is not known: perhaps reason is meant"),
    ('id = "compare"', 'id = "relu-high"', 2, "two parts have the id 'relu-high'"),
    ("a quarter", "<b>a</b>", 57, "a lesson holds no HTML, but here is '<b>a</b> of the grad'"),
    ("a quarter", "![a](b.png)", 57, "a lesson holds no pictures from files; place a live figure"),
    ("[[S6.5]]", "[[S6.5]", 57, "a mark that begins with [[ ends with ]] on the same line"),
    ("[[S6.5]]", "[[T6.5]]", 57, "[[T6.5]] is not known: a mark is an item such as S1.2"),
    ("[[figure: sigmoids]]", "[[figure: sigmoid]]", 59, "there is no figure 'sigmoid'; there are: size-formula, flatten"),
    ("[[quiz: A6.1]]", "[[quiz: A6.2]]", 68, "there is no quiz 'A6.2'; there are: A6.1"),
    ("[[quiz: A6.1]]", "[[experiment: relu-high]]", 68, "the experiment 'relu-high' is placed twice"),
    ("[[mistake: M6.2]]", "Here [[mistake: M6.2]]", 63, "[[mistake: M6.2]] must stand on a line of its own"),
    ("## ", "### ", 53, "the body needs two sections or more, each under a line that begins with ##, not 0"),
]


def parsed(text=TEXT):
    return parse_lesson(text, f"en/{NAME}", "en")


def test_a_lesson_is_its_header_and_its_blocks_in_order():
    lesson = read_lesson(FOLDER / "en" / NAME, "en")

    assert [(block.kind, block.text.partition("\n")[0]) for block in lesson.blocks] == [
        ("text", "## The question"),
        ("prediction", ""),
        ("text", "## Four sigmoids in a row"),
        ("figure", "sigmoids"),
        ("experiment", "relu-high"),
        ("mistake", "M6.2"),
        ("text", "## What to conclude"),
        ("quiz", "A6.1"),
        ("experiment", "sigmoid-flat"),  # not placed, so it stands at the end
        ("experiment", "compare"),
    ]
    assert lesson.markers == {"S6.1", "S6.3", "S6.5", "A6.1"}
    assert "[[" not in "".join(block.text for block in lesson.blocks)
    assert lesson.quiz("A6.1").right == 1
    assert lesson.experiment("compare").parameters == {"architecture": "lenet", "compare": "mlp"}


@pytest.mark.parametrize(
    ("before", "after", "line", "reason"), FAULTS, ids=[f"{line} {reason[:40]}" for _, _, line, reason in FAULTS]
)
def test_a_fault_names_the_file_the_line_and_the_reason(before, after, line, reason):
    assert before in TEXT
    count = -1 if before == "## " else 1

    with pytest.raises(LessonError) as caught:
        parsed(TEXT.replace(before, after, count))

    assert caught.value.reason.startswith(reason)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"The lesson en/{NAME} is left out. Line {line}: {reason}")


def test_code_in_a_text_may_look_like_html_and_tables_stay_as_they_are():
    text = parsed(TEXT.replace("a quarter", "`a<b>` and\n\n```\nx = [[1, <2>]]\n```\n")).blocks[2].text

    assert "`a<b>`" in text
    assert "x = [[1, <2>]]" in text


def test_the_lesson_of_the_guide_can_be_read():
    guide = (FOLDER.parents[1] / "docs" / "WRITING_LESSONS.md").read_text(encoding="utf-8")
    lines = [line.removeprefix("    ") for line in guide.splitlines() if line.startswith("    ") or not line]

    lesson = parse_lesson("\n".join(lines).strip(), "en/15-my-lesson.md", "en")

    assert [block.kind for block in lesson.blocks] == ["text", "prediction", "text", "experiment", "text", "quiz", "mistake"]
    assert all(f"`{name}`" in guide for name in FIGURES)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"+++\n", b"x" * (MOST_BYTES + 1)], ids=["empty", "not UTF-8", "cut", "too long"]
)
def test_a_file_that_is_no_lesson_is_named(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)

    with pytest.raises(LessonError, match=r"06-made-up\.md is left out\. Line 1: "):
        read_lesson(tmp_path / NAME, "en")


@pytest.fixture
def folders(tmp_path):
    """The program's lessons and the lab's own, and how a lesson is put there."""

    def put(where, language="en", lesson_id="made-up", number=6, title="Made up"):
        text = TEXT.replace('id = "made-up"', f'id = "{lesson_id}"').replace("number = 6", f"number = {number}")
        folder = tmp_path / where / language
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number:02}-{lesson_id}.md"
        path.write_text(text.replace("Sigmoid, ReLU and the learning rate", title), encoding="utf-8")
        return path

    return put, Catalogue(tmp_path / "home", shipped=tmp_path / "program")


def titles(lessons):
    return [lesson.header.title for lesson in lessons.every]


def test_lessons_stand_in_their_order_in_the_language_or_in_english(folders):
    put, catalogue = folders
    put("program", number=2, lesson_id="second", title="Second")
    put("program", number=1, lesson_id="first", title="First")
    put("program", "zh", number=2, lesson_id="second", title="第二课")

    assert titles(catalogue.of("en")) == ["First", "Second"]
    chinese = catalogue.of("zh")
    assert titles(chinese) == ["First", "第二课"]
    assert [lesson.language for lesson in chinese.every] == ["en", "zh"]
    assert titles(catalogue.of("de")) == ["First", "Second"]
    assert chinese.after(chinese.every[0]) is chinese.every[1]
    assert chinese.after(chinese.every[1]) is None


def test_a_labs_own_lessons_are_added_and_may_replace_one(folders):
    put, catalogue = folders
    put("program", title="Ours")
    put("home/lessons", title="The teacher's")
    put("home/lessons", number=15, lesson_id="extra", title="One more")

    lessons = catalogue.of("en")

    assert titles(lessons) == ["The teacher's", "One more"]
    assert all(lesson.own for lesson in lessons.every)


def test_a_broken_lesson_is_left_out_and_named_and_read_again_when_it_is_mended(folders):
    put, catalogue = folders
    put("program", number=1, lesson_id="first", title="First")
    broken = put("home/lessons")
    whole = broken.read_text(encoding="utf-8")
    broken.write_text(whole.replace("minutes = 6", "minutes = 600"), encoding="utf-8")

    lessons = catalogue.of("en")
    assert titles(lessons) == ["First"]
    assert lessons.broken == (
        "The lesson en/06-made-up.md is left out. Line 6: minutes should be less than or equal to 10, not 600.",
    )

    broken.write_text(whole, encoding="utf-8")
    assert titles(catalogue.of("en")) == ["First", "Made up"]
    put("home/lessons", number=7)
    assert "another file here has the id made-up too" in catalogue.of("en").broken[0]


def test_a_home_without_lessons_has_the_programs(tmp_path):
    assert Catalogue(tmp_path, shipped=FOLDER).of("en").find("made-up") is not None
    assert Catalogue(tmp_path, shipped=FOLDER).of("en").find("nonsense") is None
