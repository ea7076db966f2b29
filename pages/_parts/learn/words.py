"""The page's own sentences. The texts of the lessons are files in `cnnlab/learn/lessons`."""

from __future__ import annotations

from cnnlab.i18n import N_, _, say
from cnnlab.learn.lesson import Experiment
from cnnlab.text import duration_text

TITLE = N_("Learn")
LEAD = N_(
    "Each lesson asks a question, lets you predict, and then lets you try it. It takes five to ten minutes. What you have done is "
    "remembered under your name, or without a name in this browser."
)
NO_LESSONS = N_("There are no lessons here: the folder of the program's lessons is empty. Install CNN Lab again.")
ALL_LESSONS = N_("All lessons")
IN_ENGLISH = N_("This lesson has not been translated into your language yet, so it is shown in English.")
OWN_LESSON, OWN = N_("a lesson of this lab, by your teacher"), N_("by your teacher")
PREDICT_FIRST = N_("Choose what you expect. A wrong prediction is fine: it shows you what to look for.")
PREDICT_BUTTON = N_("This is my prediction")
SKIP_BUTTON = N_("Read on without a prediction")
GOES_ON = N_("The lesson goes on here when you have answered.")
EXPERIMENT = N_("Experiment")
SEE = N_("What you should see")
RUN_HERE = N_("Run it here")
RUN_AGAIN = N_("Run it again with seed {seed}")
RUN_HELP = N_(
    "Trains this network now, on this machine. You can read on while it trains: it is one of your runs, and stands on Train and "
    "Runs too."
)
FORM_HELP = N_("Opens the Train page with these settings filled in, so that you can look at them or change them first.")
WATCH = N_("Watch its curves")
YOUR_RUN = N_("Your run")
COMPARE = N_("Compare your {count} runs of this lesson")
CHECK = N_("Check")
FIND = N_("Find the mistake")
WRONG = N_("What is wrong here?")
DONE = N_("Mark as done")
IS_DONE = N_("You have marked this lesson as done.")
NOT_DONE = N_("Not done yet")
AGAIN = N_("Start this lesson again")
AGAIN_HELP = N_("Forgets your prediction and your answers in this lesson. Your runs stay.")
LAST_LESSON = N_("This was the last lesson.")
NEXT_LESSON = N_("Next lesson: {title}")
ABOUT = N_("Learn about this: {title}")


def unknown_lesson(name: str) -> str:
    """For an address that names a lesson which is not there; `name` is quoted."""
    return say("In the address: there is no lesson {name}. Choose one of the list.", name=name)


def not_from_address(names: str) -> str:
    """For the address of an assignment that also has settings; `names` are quoted."""
    return say(
        "In the address: an assignment takes no settings from it, so {names} has no effect. What you may change stands below.",
        names=names,
    )


def so_far(done: int, total: int) -> str:
    """How many lessons are done."""
    return _("{done:,} of {total:,} lessons done").format(done=done, total=total)


def place(number: int, minutes: int) -> str:
    """Which lesson it is, and how long it takes."""
    return _("Lesson {number} · about {time}").format(number=number, time=duration_text(60 * minutes))


def state(*, done: bool, begun: bool, following: bool) -> str:
    """What a learner has done of a lesson, in a list."""
    if done:
        return _("done")
    if following:
        return _("next, begun") if begun else _("next")
    return _("begun") if begun else _("not begun")


def begin(number: int, title: str, *, begun: bool) -> str:
    """The primary button of the list."""
    label = _("Go on with lesson {number}: {title}") if begun else _("Begin lesson {number}: {title}")
    return label.format(number=number, title=title)


def takes(experiment: Experiment) -> str:
    """How long an experiment takes."""
    if not experiment.minutes:
        return _("less than a minute")
    if experiment.minutes == 1:
        return _("about 1 minute")
    return _("about {time}").format(time=duration_text(60 * experiment.minutes))


def predicted(chosen: str, right: str, *, hit: bool) -> str:
    """The learner's prediction beside what is the case."""
    if hit:
        return _("✓ You predicted “{chosen}”, and that is right.").format(chosen=chosen)
    return _("✗ You predicted “{chosen}”. The answer: “{right}”.").format(chosen=chosen, right=right)


def answered(text: str, reason: str, *, hit: bool) -> str:
    """The answer that was chosen, and why it is right or wrong."""
    return (_("✓ **Right.** {reason}") if hit else _("✗ **Not “{text}”.** {reason}")).format(text=_quoted(text), reason=reason)


def right_answer(text: str, reason: str) -> str:
    """The right answer, after a wrong one."""
    return _("✓ **Right is “{text}”.** {reason}").format(text=_quoted(text), reason=reason)


def _quoted(answer: str) -> str:
    """An answer within a sentence, which has its own full stop."""
    return answer.rstrip(".。")
