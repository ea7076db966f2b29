"""What a question before deleting runs says of them, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence

from cnnlab.i18n import _, ngettext
from cnnlab.runs.records import Run
from cnnlab.runs.summaries import Summary
from cnnlab.text import listed, size_text
from pages._parts.markdown import escaped
from pages._parts.run_words import short_title

MOST_NAMES = 12  # in a sentence


def what_goes(runs: Sequence[Run | Summary], size: int, *, owner: str = "") -> str:
    """The sentence, in Markdown. `size` is what the runs take on disk, in bytes; `owner` is named where it is another person's."""
    names = quoted([short_title(run) for run in runs])
    if owner:
        names = _("The run {names} of {owner}").format(names=names, owner=escaped(owner))
    if all(run.parameters is None and not run.epochs_done for run in runs):  # no process ever built the network
        never = ngettext(
            "{names} has not trained yet, and will be deleted with its settings. **This cannot be undone.**",
            "{names} have not trained yet, and will be deleted with their settings. **This cannot be undone.**",
            len(runs),
        )
        return never.format(names=names)
    if len(runs) == 1 and runs[0].epochs_done:
        epochs = runs[0].epochs_done
        names = ngettext("{names} ({count:,} epoch)", "{names} ({count:,} epochs)", epochs).format(names=names, count=epochs)
    trained = ngettext(
        "{names} will be deleted with its curves, weights and predictions. This frees {size} of disk space. "
        "**This cannot be undone.**",
        "{names} will be deleted with their curves, weights and predictions. This frees {size} of disk space. "
        "**This cannot be undone.**",
        len(runs),
    )
    return trained.format(names=names, size=size_text(size))


def quoted(names: Sequence[str]) -> str:
    """ "“LeNet-5”, “NiN” and 3 more"."""
    together, more = listed(_("“{title}”").format(title=name) for name in names[:MOST_NAMES]), len(names) - MOST_NAMES
    return _("{names} and {count:,} more").format(names=together, count=more) if more > 0 else together
