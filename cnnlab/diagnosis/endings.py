"""The sentences of a run that learns, and of one that ends without a problem, each with the figures that it rests on."""

from __future__ import annotations

from cnnlab.diagnosis import when
from cnnlab.diagnosis.evidence import Evidence, at_chance
from cnnlab.diagnosis.words import loss, steps
from cnnlab.i18n import N_, nsay, say
from cnnlab.text import percent


def reached(e: Evidence) -> str:
    if not e.epochs or at_chance(e.watched_accuracies[-1], e.classes):
        return say("{share} of the last training images right", share=percent(e.accuracy, 0))
    return say(
        "{watched} accuracy {accuracy} after epoch {epoch}",
        watched=e.watched, accuracy=percent(e.watched_accuracies[-1]), epoch=e.epochs[-1].epoch,
    )  # fmt: skip


def improvement(e: Evidence) -> str:
    if not e.epochs:
        ended = say("It ended in its first epoch, after {steps}, and the network learns.", steps=steps(e.step))
        return f"{ended} {N_('More steps should help.')}"
    if len(e.epochs) == 1:
        return f"{N_('One epoch is over, and the network learns.')} {N_('More epochs should help.')}"
    count = when.recent(e)
    first, last = e.epochs[-count - 1], e.epochs[-1]
    losses, scores = e.watched_losses, e.watched_accuracies
    facts = {
        "epoch": first.epoch, "last": last.epoch, "before": loss(first.train_loss), "after": loss(last.train_loss),
        "watched": e.watched,
    }  # fmt: skip
    if when.lower(e):
        improving = say(
            "It was still improving when it ended: from epoch {epoch} to {last} training loss went from {before} to {after}, and "
            "the lowest {watched} loss from {other} to {now}.",
            **facts, other=loss(min(losses[:-count])), now=loss(min(losses[-count:])),
        )  # fmt: skip
    else:
        improving = say(
            "It was still improving when it ended: from epoch {epoch} to {last} training loss went from {before} to {after}, and "
            "the best {watched} accuracy from {other} to {now}.",
            **facts, other=percent(max(scores[:-count])), now=percent(max(scores[-count:])),
        )  # fmt: skip
    return f"{improving} {N_('More epochs should help.')}"


def learning(e: Evidence) -> str:
    if e.step < when.FEW and (e.guesses or not e.epochs):
        return say(
            "It has begun: after {steps} training loss is {loss}; guessing would give {guessing}.",
            steps=steps(e.step), loss=loss(e.loss), guessing=loss(e.guessing),
        )  # fmt: skip
    if len(e.epochs) < 2 or at_chance(e.watched_accuracies[-1], e.classes):
        return say("It is learning: {reached}.", reached=reached(e))
    if when.say_little(e):
        return f"{say('It is learning: {reached}.', reached=reached(e))} {little(e)}"
    change = 100 * (e.watched_accuracies[-1] - e.watched_accuracies[-2])
    facts = {"reached": reached(e), "points": f"{abs(change):.1f}"}
    if change >= 0:
        return say("It is learning: {reached}, {points} points more than an epoch before.", **facts)
    return say("It is learning: {reached}, {points} points less than an epoch before.", **facts)


def rest(e: Evidence) -> str:
    best = e.best
    if best is None:
        return ""
    reached = say(
        "Best {watched} accuracy {accuracy}, epoch {epoch}.", watched=e.watched, accuracy=percent(best.score), epoch=best.epoch
    )
    if when.rests(e):
        what = say(
            "It has settled: in the last {count} epochs {watched} loss has hardly fallen ({lowest} at best).",
            count=when.RECENT, watched=e.watched, lowest=loss(min(e.watched_losses[-when.RECENT :])),
        )  # fmt: skip
        before, after = e.epochs[-when.RECENT - 1].train_loss, e.epochs[-1].train_loss
        if after < when.STILL * before:
            alone = say(
                "Training loss still fell, from {before} to {after}: the network learns its training images, and more epochs "
                "alone would hardly help with others.",
                before=loss(before), after=loss(after),
            )  # fmt: skip
            what = f"{what} {alone}"
    elif when.ends_its_schedule(e):
        what = N_("It has followed its learning rate schedule to the end; more epochs need a longer schedule.")
    else:
        what = say("It has learned its training images: {share} right.", share=percent(e.accuracy))
    return f"{what} {reached}"


def little(e: Evidence) -> str:
    """How little a few images say."""
    low, high = e.interval
    return nsay(
        "It was tried on only {count} {watched} image: the best accuracy, {accuracy}, could as well be anything from {low} to "
        "{high} on other images.",
        "It was tried on only {count} {watched} images: the best accuracy, {accuracy}, could as well be anything from {low} to "
        "{high} on other images.",
        e.watched_images, count=e.watched_images, watched=e.watched, accuracy=percent(e.best.score if e.best else None),
        low=percent(low, 0), high=percent(high, 0),
    )  # fmt: skip


def too_few_images(e: Evidence) -> str:
    return f"{little(e)} {N_('Use more images to see whether it has learned, and whether more epochs help.')}"


def no_clear_gain(e: Evidence) -> str:
    last = when.recent(e)
    return say(
        "Since epoch {epoch} {watched} loss has hardly fallen ({lowest} at best): it is not clear yet whether more epochs help.",
        epoch=e.epochs[-last - 1].epoch, watched=e.watched, lowest=loss(min(e.watched_losses[-last:])),
    )  # fmt: skip
