"""The sentences of limits that are reached: which one, by how much, what to do, and who can raise it."""

from __future__ import annotations

from cnnlab.errors import LimitError
from cnnlab.i18n import N_, nsay, say

MORE_EPOCHS = N_("This run has {count:,} epochs, {more:,} more than the {most:,} that this lab allows.")
MORE_PIXELS = N_("This run has {count:,} pixels a side, {more:,} more than the {most:,} that this lab allows.")
MORE_PARAMETERS = N_("This run has {count:,} parameters, {more:,} more than the {most:,} that this lab allows.")
MORE_DISK = N_(
    "The lab's folder takes {taken} and this run's checkpoints need about {own} while it trains, {more} more than the {most} that "
    "this lab allows: delete runs that you no longer need."
)
MORE_DISK_WITH_OTHERS = N_(
    "The lab's folder takes {taken}, runs that wait or train will take {promised} more and this run's checkpoints need about {own} "
    "while it trains, {more} more than the {most} that this lab allows: delete runs that you no longer need."
)
TRAINED_ALL = N_("This run has trained for {time}, all that this lab allows; what it has learned is kept.")
TRAINED_LONGER = N_(
    "This run has trained for {time}, {longer} longer than the {most} that this lab allows; what it has learned is kept."
)
WOULD_TRAIN_LONGER = N_(
    "This run would train for about {time}, {longer} longer than the {most} that this lab allows; take fewer epochs, smaller "
    "images or a share of the data."
)
MORE_OWN_DISK = N_(
    "Your runs and data sets take {taken} and this run's checkpoints need about {own} while it trains, {more} more than the {most} "
    "a person that this lab allows: delete runs or data sets that you no longer need."
)
MORE_DISK_OF_ALL = N_(
    "The runs and data sets of all visitors take {taken} and this run's checkpoints need about {own} while it trains, {more} more "
    "than the {most} that this lab allows where names are not verified: delete runs or data sets that you no longer need."
)
NO_DISK_FOR_DATA = N_(
    "Your runs and data sets take {taken}, and this lab allows {most} a person: delete some that you no longer need, then import."
)
NO_DISK_FOR_DATA_OF_ALL = N_(
    "The runs and data sets of all visitors take {taken}, and this lab allows {most} where names are not verified: delete some "
    "that you no longer need, then import."
)
DAY_IS_OVER = N_("The {most} of training a day that this lab allows are used up: it goes on after midnight.")
WEEK_IS_OVER = N_("The {most} on a GPU a week that this lab allows are used up: it goes on on Monday, or on the CPU.")
MAY_ALL_BE_RAISED = N_("Your teacher, or the host of this lab, can raise these limits.")
MAY_BE_RAISED = N_("Your teacher, or the host of this lab, can raise this limit ({name}).")


def over(name: str, sentence: str, field: str = "", *, temporary: bool = False) -> LimitError:
    """The error for the limit called `name` in the file; it says who can raise that."""
    return LimitError(f"{sentence} {say(MAY_BE_RAISED, name=name)}", field, temporary=temporary)


def too_many(count: int, most: int) -> str:
    return nsay(
        "You have {count:,} run waiting or training, and this lab allows {most:,} at a time: wait until {ended}.",
        "You have {count:,} runs waiting or training, and this lab allows {most:,} at a time: wait until {ended}.",
        count, count=count, most=most, ended=_ended(count - most + 1),
    )  # fmt: skip


def too_many_of_all(count: int, most: int) -> str:
    return nsay(
        "All visitors together have {count:,} run waiting or training, and this lab allows {most:,} at a time where names are not "
        "verified: wait until {ended}.",
        "All visitors together have {count:,} runs waiting or training, and this lab allows {most:,} at a time where names are not "
        "verified: wait until {ended}.",
        count, count=count, most=most, ended=_ended(count - most + 1),
    )  # fmt: skip


def queue_is_full(count: int, most: int) -> str:
    return nsay(
        "{count:,} run waits, and this lab allows {most:,} in its queue: try again when one has begun.",
        "{count:,} runs wait, and this lab allows {most:,} in its queue: try again when one has begun.",
        count, count=count, most=most,
    )  # fmt: skip


def _ended(runs: int) -> str:
    return nsay("one has ended", "{count:,} have ended", runs, count=runs)
