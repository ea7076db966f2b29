"""The sentences of the causes, each with the figures that it rests on."""

from __future__ import annotations

from cnnlab.architectures import card
from cnnlab.diagnosis import cures, when
from cnnlab.diagnosis.evidence import Evidence, times_chance
from cnnlab.diagnosis.rates import normalised, usual_rate
from cnnlab.events import RunFailed
from cnnlab.i18n import N_, nsay, say
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.text import percent

BEGUN = 10  # steps: before, that a network still guesses is no news


def loss(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def steps(count: int) -> str:
    return nsay("{count:,} step", "{count:,} steps", count, count=count)


def rate(e: Evidence) -> str:
    return f"{e.config.learning_rate:g}"


def optimizer(e: Evidence) -> str:
    return OPTIMIZERS[e.config.optimizer].title


def explosion(e: Evidence) -> str:
    return e.last.message if isinstance(e.last, RunFailed) else ""


def divergence(e: Evidence) -> str:
    facts = {"loss": loss(e.loss), "guessing": loss(e.guessing)}
    if e.norm is not None and e.norm > 10:
        diverged = say(
            "The loss has diverged: training loss is {loss}, far above that of guessing, {guessing}; the last gradient had a "
            "length of {length}.", **facts, length=loss(e.norm),
        )  # fmt: skip
    else:
        diverged = say("The loss has diverged: training loss is {loss}, far above that of guessing, {guessing}.", **facts)
    blame = say("The steps of a learning rate of {rate} are too large for {optimizer} here.", rate=rate(e), optimizer=optimizer(e))
    return f"{diverged} {blame}"


def settling(e: Evidence) -> str:
    now = say(
        "it is at chance ({chance}) after {steps}, with the loss of guessing ({loss})",
        chance=percent(e.chance, 0), steps=steps(e.step), loss=loss(e.loss),
    )  # fmt: skip
    if e.peak > 2 * e.guessing:
        rose = say(
            "Training loss rose to {peak}, and the network has settled where it only guesses: {now}.", peak=loss(e.peak), now=now
        )
        blame = say(
            "The first steps were too large: a learning rate of {rate} for {optimizer}.", rate=rate(e), optimizer=optimizer(e)
        )
        return f"{rose} {blame}"
    if e.best_accuracy >= times_chance(2, e.classes):
        fell = say(
            "The network had {share} of the training images right and has fallen back to guessing: {now}.",
            share=percent(e.best_accuracy, 0), now=now,
        )  # fmt: skip
        return f"{fell} {say('A learning rate of {rate} is too large here.', rate=rate(e))}"
    guesses = say("The network only guesses: {now}.", now=now)
    blame = say("A learning rate of {rate} is high for {optimizer} with this network.", rate=rate(e), optimizer=optimizer(e))
    return f"{guesses} {blame}"


def short(e: Evidence) -> str:
    what = N_("more epochs, or more images")
    if "batch_size" in cures.more_steps(e):
        what = say(
            "smaller batches than {count:,} images, which make more steps of the same images, or more epochs",
            count=e.config.batch_size,
        )
    return say("This run has only {steps}, too few to learn much: use {what}.", steps=steps(e.steps_in_all), what=what)


def slowness(e: Evidence) -> str:
    return say(
        "After {steps} training loss is still {loss}, where guessing gives {guessing}: a learning rate of {rate} is small for "
        "{optimizer}; {usual} is usual here.",
        steps=steps(e.step), loss=loss(e.loss), guessing=loss(e.guessing), rate=rate(e), optimizer=optimizer(e),
        usual=f"{usual_rate(e.config):g}",
    )  # fmt: skip


def at_guessing(e: Evidence) -> str:
    return say(
        "After {steps} the network still guesses: loss {loss}, chance level {chance}.",
        steps=steps(e.step), loss=loss(e.loss), chance=percent(e.chance, 0),
    )  # fmt: skip


def sigmoid_needs() -> str:
    low, high = cures.FLAT_STEPS
    return say("LeNet needed {low:,} to {high:,} steps with SGD at 0.1 to 0.9", low=low, high=high)


def flatness(e: Evidence) -> str:
    if e.step > cures.ENOUGH_STEPS:
        why = N_(
            "Sigmoid starts flat, because its slope of at most ¼ shrinks the gradient at every layer, and this network has not "
            "left that start: use ReLU, or batch normalisation."
        )
        return f"{at_guessing(e)} {why}"
    why = say(
        "Sigmoid starts flat, because its slope of at most ¼ shrinks the gradient at every layer: {needs}, and this run had "
        "{count:,}, at {rate}.",
        needs=sigmoid_needs(), count=e.step, rate=rate(e),
    )  # fmt: skip
    return f"{at_guessing(e)} {why} {N_('With more it may still leave chance.')}"


def flat_wait(e: Evidence) -> str:
    normal = say(
        "That is normal with sigmoid, whose slope of at most ¼ shrinks the gradient at every layer: {needs}.", needs=sigmoid_needs()
    )
    until = ends_early(e) if e.planned < cures.FLAT_STEPS[1] else wait_until(min(cures.ENOUGH_STEPS, e.planned))
    return f"{at_guessing(e)} {normal} {until}"


def wait_until(step: int) -> str:
    return say("It may still leave chance: wait until step {step:,}.", step=step)


def ends_early(e: Evidence) -> str:
    return say("It may still leave chance, but this run ends at step {step:,}, which may be too early.", step=e.planned)


def rise(e: Evidence) -> str:
    rising = say(
        "The learning rate is still rising ({now} of {rate}) until step {step:,}: wait for that first.",
        now=f"{e.rate:.2g}", rate=rate(e), step=e.rises_until,
    )  # fmt: skip
    return rising if e.step < BEGUN else f"{at_guessing(e)} {rising}"


def unfit_averages(e: Evidence) -> str:
    unfit = say(
        "Training loss is {loss}, but {watched} loss {other}: the averages that batch normalisation uses outside training do not "
        "fit yet.",
        loss=loss(e.loss), watched=e.watched, other=loss(e.watched_losses[-1]),
    )  # fmt: skip
    if not when.averages_may_settle(e):
        return unfit
    return f"{unfit} {say('They need some dozens of steps: wait until step {step}.', step=when.SHORT)}"


def chance(e: Evidence) -> str:
    if e.step < when.PATIENT:
        remedy = N_("That is early: with more steps, or with batch normalisation, it may still leave chance.")
        if normalised(e.config):
            remedy = N_("That is early: with more steps it may still leave chance.")
    elif not normalised(e.config):
        name = card(e.config.architecture).called(e.config.options)
        remedy = say("{network} without batch normalisation sometimes never leaves chance: switch it on.", network=name)
        if "batch_norm" not in e.config.options:  # a network of rows
            remedy = say(
                "{network} without batch normalisation sometimes never leaves chance: put it behind each convolution.", network=name
            )
    else:
        remedy = N_("Its settings are usual ones: start again with another seed.")
    return f"{at_guessing(e)} {remedy}"


def instability(e: Evidence) -> str:
    before = e.epochs[-3]
    return say(
        "Training loss no longer falls ({before} after epoch {epoch}, {now} now) with {share} right: a learning rate of {rate} is "
        "high for {optimizer}, so that it jumps over better weights.",
        before=loss(before.train_loss), epoch=before.epoch, now=loss(e.epochs[-1].train_loss), share=percent(e.accuracy, 0),
        rate=rate(e), optimizer=optimizer(e),
    )  # fmt: skip


def overfitting(e: Evidence) -> str:
    then, now = e.epochs[e.turn], e.epochs[-1]
    begun = say(
        "Overfitting has begun: since epoch {epoch} {watched} loss has risen from {low} to {high}, while training loss fell from "
        "{before} to {after}.",
        epoch=then.epoch, watched=e.watched, low=loss(e.watched_losses[e.turn]), high=loss(e.watched_losses[-1]),
        before=loss(then.train_loss), after=loss(now.train_loss),
    )  # fmt: skip
    return f"{begun} {N_('The network learns its training images by heart.')}"


def patience(e: Evidence) -> str:
    return f"{at_guessing(e)} {ends_early(e) if e.planned < when.PATIENT else wait_until(when.PATIENT)}"


# Headings of the chart of losses


def diverged_to(e: Evidence) -> str:
    return say("Loss has diverged to {loss}", loss=loss(e.loss))


def risen_since(e: Evidence) -> str:
    epoch = e.epochs[e.turn].epoch
    if e.watched == "test":
        return say("Test loss has risen since epoch {epoch}", epoch=epoch)
    return say("Validation loss has risen since epoch {epoch}", epoch=epoch)
