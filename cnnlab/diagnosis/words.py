"""The sentences of the causes, each with the figures that it rests on."""

from __future__ import annotations

from cnnlab.architectures import card
from cnnlab.diagnosis import cures, when
from cnnlab.diagnosis.evidence import Evidence, at_chance
from cnnlab.diagnosis.rates import normalised, usual_rate
from cnnlab.events import RunFailed
from cnnlab.optimizers import OPTIMIZERS
from cnnlab.text import percent

BEGUN = 10  # steps: before, that a network still guesses is no news


def loss(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def steps(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"


def rate(e: Evidence) -> str:
    return f"{e.config.learning_rate:g}"


def optimizer(e: Evidence) -> str:
    return OPTIMIZERS[e.config.optimizer].title


def guess(e: Evidence) -> str:
    return f"guessing, {loss(e.guessing)}"


def explosion(e: Evidence) -> str:
    return e.last.message if isinstance(e.last, RunFailed) else ""


def divergence(e: Evidence) -> str:
    norm = f"; the last gradient had a length of {loss(e.norm)}" if e.norm is not None and e.norm > 10 else ""
    blame = f"steps of a learning rate of {rate(e)} are too large for {optimizer(e)} here"
    return f"The loss has diverged: training loss is {loss(e.loss)}, far above that of {guess(e)}{norm}. The {blame}."


def settling(e: Evidence) -> str:
    now = f"it is at chance ({percent(e.chance, 0)}) after {steps(e.step)}, with the loss of guessing ({loss(e.loss)})"
    if e.peak > 2 * e.guessing:
        return (
            f"Training loss rose to {loss(e.peak)}, and the network has settled where it only guesses: {now}. "
            f"The first steps were too large: a learning rate of {rate(e)} for {optimizer(e)}."
        )
    if e.best_accuracy >= 2 / e.classes:
        return (
            f"The network had {percent(e.best_accuracy, 0)} of the training images right and has fallen back to guessing: {now}. "
            f"A learning rate of {rate(e)} is too large here."
        )
    return f"The network only guesses: {now}. A learning rate of {rate(e)} is high for {optimizer(e)} with this network."


def short(e: Evidence) -> str:
    what = "more epochs, or more images"
    if "batch_size" in cures.more_steps(e):
        what = f"smaller batches than {e.config.batch_size:,} images, which make more steps of the same images, or more epochs"
    return f"This run has only {steps(e.steps_in_all)}, too few to learn much: use {what}."


def slowness(e: Evidence) -> str:
    return (
        f"After {steps(e.step)} training loss is still {loss(e.loss)}, where guessing gives {loss(e.guessing)}: "
        f"a learning rate of {rate(e)} is small for {optimizer(e)}; {usual_rate(e.config):g} is usual here."
    )


def at_guessing(e: Evidence) -> str:
    return f"After {steps(e.step)} the network still guesses: loss {loss(e.loss)}, chance level {percent(e.chance, 0)}."


def sigmoid_needs() -> str:
    low, high = cures.FLAT_STEPS
    return f"LeNet needed {low:,} to {high:,} steps with SGD at 0.1 to 0.9"


def flatness(e: Evidence) -> str:
    why = "Sigmoid starts flat, because its slope of at most ¼ shrinks the gradient at every layer"
    if e.step > cures.ENOUGH_STEPS:
        return f"{at_guessing(e)} {why}, and this network has not left that start: use ReLU, or batch normalisation."
    had = f"this run had {e.step:,}, at {rate(e)}"
    return f"{at_guessing(e)} {why}: {sigmoid_needs()}, and {had}. With more it may still leave chance."


def flat_wait(e: Evidence) -> str:
    until = f"It may still leave chance: wait until step {min(cures.ENOUGH_STEPS, e.planned):,}."
    if e.planned < cures.FLAT_STEPS[1]:
        until = f"It may still leave chance, but this run ends at step {e.planned:,}, which may be too early."
    return (
        f"{at_guessing(e)} That is normal with sigmoid, whose slope of at most ¼ shrinks the gradient at every layer: "
        f"{sigmoid_needs()}. {until}"
    )


def rise(e: Evidence) -> str:
    rising = f"The learning rate is still rising ({e.rate:.2g} of {rate(e)}) until step {e.rises_until:,}"
    return f"{rising}: wait for that first." if e.step < BEGUN else f"{at_guessing(e)} {rising}: wait for that first."


def unfit_averages(e: Evidence) -> str:
    return (
        f"Training loss is {loss(e.loss)}, but {e.watched} loss {loss(e.watched_losses[-1])}: the averages that batch "
        "normalisation uses outside training do not fit yet."
        + (f" They need some dozens of steps: wait until step {when.SHORT}." if when.averages_may_settle(e) else "")
    )


def chance(e: Evidence) -> str:
    name = card(e.config.architecture).title
    if e.step < when.PATIENT:
        remedy = "" if normalised(e.config) else ", or with batch normalisation,"
        return f"{at_guessing(e)} That is early: with more steps{remedy} it may still leave chance."
    if not normalised(e.config):
        return f"{at_guessing(e)} {name} without batch normalisation sometimes never leaves chance: switch it on."
    return f"{at_guessing(e)} Its settings are usual ones: start again with another seed."


def instability(e: Evidence) -> str:
    before = e.epochs[-3]
    return (
        f"Training loss no longer falls ({loss(before.train_loss)} after epoch {before.epoch}, {loss(e.epochs[-1].train_loss)} "
        f"now) with {percent(e.accuracy, 0)} right: a learning rate of {rate(e)} is high for {optimizer(e)}, so that it jumps "
        "over better weights."
    )


def overfitting(e: Evidence) -> str:
    then, now = e.epochs[e.turn], e.epochs[-1]
    return (
        f"Overfitting has begun: since epoch {then.epoch} {e.watched} loss has risen from {loss(e.watched_losses[e.turn])} to "
        f"{loss(e.watched_losses[-1])}, while training loss fell from {loss(then.train_loss)} to {loss(now.train_loss)}. "
        "The network learns its training images by heart."
    )


def reached(e: Evidence) -> str:
    if not e.epochs or at_chance(e.watched_accuracies[-1], e.classes):
        return f"{percent(e.accuracy, 0)} of the last training images right"
    return f"{e.watched} accuracy {percent(e.watched_accuracies[-1])} after epoch {e.epochs[-1].epoch}"


def improvement(e: Evidence) -> str:
    if not e.epochs:
        return f"It ended in its first epoch, after {steps(e.step)}, and the network learns. More steps should help."
    first = e.epochs[max(0, len(e.epochs) - 4)]
    return (
        f"It was still improving when it ended: training loss {loss(first.train_loss)} after epoch {first.epoch}, "
        f"{loss(e.epochs[-1].train_loss)} after epoch {e.epochs[-1].epoch}. More epochs should help."
        if len(e.epochs) > 1
        else "One epoch is over, and the network learns. More epochs should help."
    )


def learning(e: Evidence) -> str:
    if e.step < when.FEW and (e.guesses or not e.epochs):
        return f"It has begun: after {steps(e.step)} training loss is {loss(e.loss)}; guessing would give {loss(e.guessing)}."
    gained = ""
    if len(e.epochs) > 1 and not at_chance(e.watched_accuracies[-1], e.classes):
        change = 100 * (e.watched_accuracies[-1] - e.watched_accuracies[-2])
        gained = f", {abs(change):.1f} points {'more' if change >= 0 else 'less'} than an epoch before"
    return f"It is learning: {reached(e)}{gained}."


def rest(e: Evidence) -> str:
    best = e.best
    if best is None:
        return ""
    reached = f"Best {e.watched} accuracy {percent(best.score)}, epoch {best.epoch}."
    if when.rests(e):
        lowest = loss(min(e.watched_losses[-when.RECENT :]))
        return f"It has settled: in the last {when.RECENT} epochs {e.watched} loss has hardly fallen ({lowest} at best). {reached}"
    if when.ends_its_schedule(e):
        return f"It has followed its learning rate schedule to the end; more epochs need a longer schedule. {reached}"
    return f"It has learned its training images: {percent(e.accuracy)} right. {reached}"


def patience(e: Evidence) -> str:
    if e.planned < when.PATIENT:
        return f"{at_guessing(e)} It may still leave chance, but this run ends at step {e.planned:,}, which may be too early."
    return f"{at_guessing(e)} It may still leave chance: wait until step {when.PATIENT}."


# Headings of the chart of losses


def diverged_to(e: Evidence) -> str:
    return f"Loss has diverged to {loss(e.loss)}"


def risen_since(e: Evidence) -> str:
    return f"{e.watched.capitalize()} loss has risen since epoch {e.epochs[e.turn].epoch}"
