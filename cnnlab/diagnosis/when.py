"""When a row of the table of causes holds, and the thresholds, which were chosen on real runs: docs/RESULTS.md lists them."""

from __future__ import annotations

from cnnlab.diagnosis import cures
from cnnlab.diagnosis.evidence import EXPLODED, Evidence, at_chance, times_chance
from cnnlab.diagnosis.rates import flattened, high_rate, normalised, step_rate, usual_rate
from cnnlab.events import RunFailed
from cnnlab.intervals import chance_gap

FEW = 50  # steps: too few to conclude that a network stays at chance
PATIENT = 300  # steps after which one without sigmoid should have left chance
SHORT = 100  # steps in a whole run: hardly any training
RISE, FALL = 1.08, 0.9  # by which test loss has risen and training loss fallen where overfitting has begun
RECENT, STILL, HIGHER = 4, 0.97, 0.005  # epochs, share of the former loss, and share of the images: less is no improvement
WIDE = 0.2  # of the interval of an accuracy: fewer than about a hundred images
ALL = 0.995  # of the training images right: there is nothing more to learn from them


def exploded(e: Evidence) -> bool:
    return isinstance(e.last, RunFailed)


def diverged(e: Evidence) -> bool:
    return not e.loss < EXPLODED * e.guessing or (e.guesses and e.loss > 1.5 * e.guessing and e.step > FEW)


def unsettled_averages(e: Evidence) -> bool:
    return bool(e.epochs) and normalised(e.config) and e.loss < e.guessing and e.watched_losses[-1] > 2 * e.guessing


def averages_may_settle(e: Evidence) -> bool:
    return unsettled_averages(e) and not e.over and e.step < SHORT


def rising(e: Evidence) -> bool:
    return e.guesses and e.rising and not overshot(e)


def settled_at_chance(e: Evidence) -> bool:
    return e.guesses and e.step >= FEW and (overshot(e) or high(e))


def overshot_to_chance(e: Evidence) -> bool:
    return settled_at_chance(e) and overshot(e)


def overshot(e: Evidence) -> bool:
    """It had learned something, or its loss had risen far above guessing."""
    return e.peak > 2 * e.guessing or e.best_accuracy >= times_chance(2, e.classes)


def high(e: Evidence) -> bool:
    return e.config.learning_rate > high_rate(e.config) and not e.rising


def low(e: Evidence) -> bool:
    # Sigmoid starts flat at any rate, so its row knows more, unless the rate is smaller still.
    return step_rate(e.config) <= usual_rate(e.config) / (50 if flattened(e.config) else 9) and not e.rising


def too_short(e: Evidence) -> bool:
    return e.steps_in_all < SHORT and (e.over or e.guesses) and e.accuracy < max(0.5, times_chance(2.5, e.classes))


def too_slow(e: Evidence) -> bool:
    return low(e) and e.step >= FEW and e.loss > 0.8 * e.guessing and e.accuracy < times_chance(2.5, e.classes)


def flat(e: Evidence) -> bool:
    return e.guesses and e.step >= FEW


def flat_sigmoid(e: Evidence) -> bool:
    return flat(e) and flattened(e.config)


def flat_sigmoid_may_wait(e: Evidence) -> bool:
    """Steps count, not the share of the run: a short one may leave chance in its last epoch."""
    return flat_sigmoid(e) and not e.over and e.step <= cures.ENOUGH_STEPS


def flat_may_wait(e: Evidence) -> bool:
    return flat(e) and not e.over and e.step < PATIENT


def unstable(e: Evidence) -> bool:
    losses = [done.train_loss for done in e.epochs]
    return high(e) and len(losses) >= 3 and losses[-1] > STILL * losses[-3] and e.accuracy < 0.9


def overfits(e: Evidence) -> bool:
    smooth = e.smooth_losses
    if len(smooth) < 4 or len(smooth) - 1 - e.turn < 3:
        return False
    fell = e.epochs[-1].train_loss < FALL * e.epochs[e.turn].train_loss
    return fell and smooth[-1] > RISE * min(smooth) and min(e.watched_losses[-2:]) > min(smooth)


def few_images(e: Evidence) -> bool:
    """Whether the watched images are too few for their accuracy, and what it did over the epochs, to mean anything."""
    return bool(e.epochs) and say_little(e) and (e.over or rests(e))


def say_little(e: Evidence) -> bool:
    low, high = e.interval
    return high - low > WIDE


def improves_at_its_end(e: Evidence) -> bool:
    """By both curves: training loss alone still falls where a network only learns its training images by heart."""
    return e.over and not e.guesses and not ends_its_schedule(e) and gains(e) and e.accuracy < ALL


def unclear_at_its_end(e: Evidence) -> bool:
    return e.over and bool(e.epochs) and not ends_its_schedule(e) and not gains(e) and not rests(e) and e.accuracy < ALL


def gains(e: Evidence) -> bool:
    """Whether the last epochs brought a clearly lower watched loss, or an accuracy that is higher by more than chance makes it."""
    return not recent(e) or lower(e) or higher(e)


def lower(e: Evidence) -> bool:
    return min(e.watched_losses[-recent(e) :]) < STILL * min(e.watched_losses[: -recent(e)])


def higher(e: Evidence) -> bool:
    scores, images = e.watched_accuracies, e.watched_images
    before, now = max(scores[: -recent(e)]), max(scores[-recent(e) :])
    by_chance = chance_gap(before, images, now, images) if images else 0.0
    return now - before >= max(HIGHER, by_chance)


def recent(e: Evidence) -> int:
    """How many epochs count as the last ones: those before are what they are compared with."""
    return RECENT if len(e.epochs) >= RECENT + 2 else len(e.epochs) // 2


def rests(e: Evidence) -> bool:
    """The last epochs brought neither a clearly lower loss nor a clearly higher accuracy."""
    return recent(e) == RECENT and not at_chance(e.watched_accuracies[-1], e.classes) and not gains(e)


def ends_its_schedule(e: Evidence) -> bool:
    """Whether the rate falls until the run's end, so that what has settled before may still improve."""
    return e.config.schedule in ("cosine", "one-cycle")


def learns(e: Evidence) -> bool:
    return not e.over and (ends_its_schedule(e) or not rests(e))


def evaluated(e: Evidence) -> bool:
    return bool(e.epochs)
