"""What a lesson consists of, as frozen values. The text of each is for people and holds Markdown, never HTML."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, get_args
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cnnlab.i18n import N_, say

# The live figures that a lesson can place; pages draw each of them.
FIGURES = (
    "size-formula", "flatten", "sliding-window", "shared-weights", "sigmoids", "two-small-kernels", "cifar-traps",
    "receptive-field", "params-share",
)  # fmt: skip
Page = Literal["design", "data", "train", "runs", "predict", "inside"]
PAGES: tuple[str, ...] = get_args(Page)
Metric = Literal["test_accuracy", "best_test_accuracy", "train_accuracy"]
BlockKind = Literal["text", "prediction", "figure", "experiment", "quiz", "mistake"]
ID = r"^[a-z0-9-]{3,40}$"
ITEM = r"^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$"

Words = Annotated[str, Field(min_length=1, max_length=2_000)]
OneLine = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\n]*$")]
Share = Annotated[float, Field(ge=0, le=1)]
Options = Annotated[tuple[OneLine, ...], Field(min_length=2, max_length=6, strict=False)]


class _Part(BaseModel):
    """TOML has types, so nothing is converted: `minutes = "6"` is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Prediction(_Part):
    """Asked before the lesson shows anything."""

    question: Words
    options: Options
    right: int  # from 1
    after: Words  # shown with the answer

    @model_validator(mode="after")
    def _is_an_option(self) -> Self:
        if not 1 <= self.right <= len(self.options):
            text = N_("right must be a number from 1 to {most}, one of the options, not {value}")
            raise ValueError(say(text, most=len(self.options), value=self.right))
        return self


class Band(_Part):
    """Where measured runs of an experiment ended: shares from 0 to 1."""

    metric: Metric
    low: Share
    high: Share
    seeds: int = Field(ge=1, le=100)  # runs that were measured
    flat: str = Field("", pattern=r"^(\d{1,4}(-\d{1,4})?)?$")  # epochs at chance before it learns: "8", "6-8"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(say("low must not be above high: {low} and {high}", low=self.low, high=self.high))
        return self


class Experiment(_Part):
    """A page of the app with everything set."""

    id: str = Field(pattern=ITEM)
    label: OneLine
    page: Page
    query: str = Field(max_length=1_000)
    minutes: int = Field(ge=0, le=240)
    see: Words
    band: Band | None = None

    @field_validator("query")
    @classmethod
    def _is_a_query(cls, query: str) -> str:
        if query.startswith("?") or "/" in query.partition("=")[0]:
            raise ValueError(say("query must be the part of an address behind its question mark, not {value!r}", value=query))
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError as error:
            raise ValueError(say("query must be names and values, as in a=1&b=2, not {value!r}", value=query)) from error
        if len(dict(pairs)) < len(pairs):
            raise ValueError(say("query names a setting twice: {value!r}", value=query))
        return query

    @model_validator(mode="after")
    def _is_a_run(self) -> Self:
        if self.band and self.page != "train":
            raise ValueError(say('a band belongs to an experiment of the page "train", not "{page}"', page=self.page))
        return self

    @property
    def parameters(self) -> dict[str, str]:
        """The query as names and values."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


class Answer(_Part):
    """One answer of a question, and why it is right or wrong."""

    text: OneLine
    right: bool
    reason: Words


class Quiz(_Part):
    """A question with one right answer."""

    id: str = Field(pattern=ITEM)
    question: Words
    options: Annotated[tuple[Answer, ...], Field(min_length=2, max_length=6, strict=False)]

    @model_validator(mode="after")
    def _one_is_right(self) -> Self:
        if (right := sum(option.right for option in self.options)) != 1:
            raise ValueError(say("one of the options must be right, not {count}", count=right))
        if len({option.text for option in self.options}) < len(self.options):
            raise ValueError(say("two options have the same text"))
        return self

    @property
    def right(self) -> int:
        """The place of the right answer, from 0."""
        return next(place for place, option in enumerate(self.options) if option.right)


class Mistake(_Part):
    """A wrong or loose statement, and what is true."""

    id: str = Field(pattern=ITEM)
    claim: Words
    truth: Words


class Header(_Part):
    """What stands above the text of a lesson."""

    id: str = Field(pattern=ID)
    number: int = Field(ge=1, le=99)
    title: OneLine
    summary: str = Field(min_length=1, max_length=110, pattern=r"^[^\n]*$")
    minutes: int = Field(ge=5, le=10)
    prediction: Prediction
    experiment: Annotated[tuple[Experiment, ...], Field(max_length=20, strict=False)] = ()
    quiz: Annotated[tuple[Quiz, ...], Field(max_length=20, strict=False)] = ()
    mistake: Annotated[tuple[Mistake, ...], Field(max_length=20, strict=False)] = ()

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        for parts in (self.experiment, self.quiz, self.mistake):
            ids = [part.id for part in parts]
            if again := next((each for each in ids if ids.count(each) > 1), ""):
                raise ValueError(say("two parts have the id {id!r}", id=again))
        return self


class Block(_Part):
    """A part of the lesson's body, in its order."""

    kind: BlockKind
    text: str = ""  # Markdown; or the name of the figure, or the id of the experiment, question or mistake


class Lesson(_Part):
    """One lesson in one language."""

    header: Header
    blocks: tuple[Block, ...]
    markers: frozenset[str]  # items of the course that its text covers, and its questions
    language: str  # "en", "zh"
    own: bool  # of this lab, not of the program

    @property
    def id(self) -> str:
        return self.header.id

    def experiment(self, name: str) -> Experiment:
        """The experiment with this id; `blocks` name no other."""
        return next(each for each in self.header.experiment if each.id == name)

    def quiz(self, name: str) -> Quiz:
        return next(each for each in self.header.quiz if each.id == name)

    def mistake(self, name: str) -> Mistake:
        return next(each for each in self.header.mistake if each.id == name)


def is_lesson_id(text: str) -> bool:
    """Whether the text has the form of a lesson's id; whether there is such a lesson is for the catalogue to answer."""
    return re.fullmatch(ID, text) is not None
