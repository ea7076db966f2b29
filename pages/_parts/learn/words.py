"""The page's own sentences. The texts of the lessons are files in `cnnlab/learn/lessons`."""

from __future__ import annotations

from cnnlab.i18n import N_
from cnnlab.learn.lesson import Experiment

TITLE = "Learn"
LEAD = (
    "Each lesson asks a question, lets you predict, and then lets you try it. It takes five to ten minutes. What you have done is "
    "remembered under your name, or without a name in this browser."
)
NO_LESSONS = "There are no lessons here: the folder of the program's lessons is empty. Install CNN Lab again."
ALL_LESSONS = "All lessons"
IN_ENGLISH = "This lesson has not been translated into your language yet, so it is shown in English."
OWN_LESSON, OWN = "a lesson of this lab, by your teacher", "by your teacher"
PREDICT = "Your prediction"
PREDICT_FIRST = "Choose what you expect. A wrong prediction is fine: it shows you what to look for."
PREDICT_BUTTON = "This is my prediction"
SKIP_BUTTON = "Read on without a prediction"
GOES_ON = "The lesson goes on here when you have answered."
EXPERIMENT = "Experiment"
SEE = "What you should see"
RUN_HERE = "Run it here"
RUN_AGAIN = "Run it again with seed {seed}"
RUN_HELP = (
    "Trains this network now, on this machine. You can read on while it trains: it is one of your runs, and stands on Train and "
    "Runs too."
)
FORM_HELP = "Opens the Train page with these settings filled in, so that you can look at them or change them first."
WATCH = "Watch its curves"
YOUR_RUN = "Your run"
COMPARE = "Compare your {count} runs of this lesson"
CHECK = "Check"
FIND = "Find the mistake"
WRONG = "What is wrong here?"
DONE = "Mark as done"
IS_DONE = "You have marked this lesson as done."
NOT_DONE = "Not done yet"
AGAIN = "Start this lesson again"
AGAIN_HELP = "Forgets your prediction and your answers in this lesson. Your runs stay."
LAST_LESSON = "This was the last lesson."
NEXT_LESSON = "Next lesson: {title}"
ABOUT = N_("Learn about this: {title}")


def unknown_lesson(name: str) -> str:
    """For an address that names a lesson which is not there; `name` is quoted."""
    return f"In the address: there is no lesson {name}. Choose one of the list."


def so_far(done: int, total: int) -> str:
    """How many lessons are done."""
    return f"{done:,} of {total:,} lessons done"


def place(number: int, minutes: int) -> str:
    """Which lesson it is, and how long it takes."""
    return f"Lesson {number} · about {minutes} minutes"


def state(*, done: bool, begun: bool, following: bool) -> str:
    """What a learner has done of a lesson, in a list."""
    if done:
        return "done"
    if following:
        return "next, begun" if begun else "next"
    return "begun" if begun else "not begun"


def begin(number: int, title: str, *, begun: bool) -> str:
    """The primary button of the list."""
    return f"{'Go on with' if begun else 'Begin'} lesson {number}: {title}"


def takes(experiment: Experiment) -> str:
    """How long an experiment takes."""
    if not experiment.minutes:
        return "less than a minute"
    return f"about {experiment.minutes} minute{'s' if experiment.minutes > 1 else ''}"


def predicted(chosen: str, right: str, *, hit: bool) -> str:
    """The learner's prediction beside what is the case."""
    if hit:
        return f"✓ You predicted “{chosen}”, and that is right."
    return f"✗ You predicted “{chosen}”. What came: “{right}”."


def answered(text: str, reason: str, *, hit: bool) -> str:
    """The answer that was chosen, and why it is right or wrong."""
    return f"✓ **Right.** {reason}" if hit else f"✗ **Not “{text}”.** {reason}"


def right_answer(text: str, reason: str) -> str:
    """The right answer, after a wrong one."""
    return f"✓ **Right is “{text}”.** {reason}"
