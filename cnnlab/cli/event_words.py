"""The events of a training as lines of a terminal, in the reader's language."""

from __future__ import annotations

from cnnlab import events
from cnnlab.events import Event
from cnnlab.i18n import _, ngettext, translated
from cnnlab.text import duration_text, percent


def event_sentence(event: Event) -> str:
    """What a terminal prints of an event, in the reader's language; "" for one that only moves the bar."""
    match event:
        case events.RunStarted():
            return _started(event)
        case events.EpochDone():
            return _epoch(event)
        case events.Notice():
            return translated(event.message)
        case events.RunFinished():
            return _finished(event)
        case events.RunStopped():
            text = ngettext("Stopped after {count:,} finished epoch.", "Stopped after {count:,} finished epochs.", event.epoch)
            return text.format(count=event.epoch)
    return ""


def _started(event: events.RunStarted) -> str:
    images = {"train": event.train_images, "validation": event.validation_images, "test": event.test_images}
    if event.validation_images:
        text = _("{count:,} parameters, {train:,} training, {validation:,} validation and {test:,} test images, on {device}")
    else:
        text = _("{count:,} parameters, {train:,} training and {test:,} test images, on {device}")
    return text.format(count=event.parameters, device=translated(event.device_name), **images)


def _epoch(event: events.EpochDone) -> str:
    figures = [
        (_("train loss {loss:.4f}, accuracy {accuracy}"), event.train_loss, event.train_accuracy),
        (_("validation loss {loss:.4f}, accuracy {accuracy}"), event.validation_loss, event.validation_accuracy),
        (_("test loss {loss:.4f}, accuracy {accuracy}"), event.test_loss, event.test_accuracy),
    ]
    parts = [text.format(loss=loss, accuracy=percent(accuracy)) for text, loss, accuracy in figures if loss is not None]
    line = _("epoch {epoch}: {figures}")
    return line.format(epoch=event.epoch, figures=_("; ").join((*parts, duration_text(event.seconds))))


def _finished(event: events.RunFinished) -> str:
    text = _("Finished in {time}: test accuracy {accuracy}, best {best} in epoch {epoch}.")
    if event.best_validation_accuracy is not None:
        text = _(
            "Finished in {time}: test accuracy {accuracy}, {best} in epoch {epoch}, "
            "the best on the validation images ({validation})."
        )
    return text.format(
        time=duration_text(event.seconds),
        accuracy=percent(event.test_accuracy),
        best=percent(event.best_test_accuracy),
        epoch=event.best_epoch,
        validation=percent(event.best_validation_accuracy),
    )
