"""What one person may do with what belongs to others; each refusal is a row of the log."""

from __future__ import annotations

from collections.abc import Callable

from cnnlab.access.roles import Person
from cnnlab.errors import NotAllowed
from cnnlab.i18n import say
from cnnlab.runs.store_log import Log


class Checked:
    """The rights of one person, beside the record of runs, which checks its own. `did` is a key of `store_log.DEEDS`."""

    def __init__(self, person: Person, log: Log) -> None:
        self._person, self._log = person, log

    def change(self, owner: str, what: str, did: str, which: str = "") -> None:
        """Raises NotAllowed where this person may not change a run, a network or a data set of `owner`."""
        self._noted(lambda: self._person.check_change(owner, what), did, which, owner)

    def teach(self, did: str, which: str = "") -> None:
        """Raises NotAllowed where this person is no teacher."""
        self._noted(self._person.check_teach, did, which)

    def refuse(self, did: str, owner: str) -> None:
        """Raises NotAllowed."""
        self._log.note(self._person.name, did, whose=owner, refused=True)
        raise NotAllowed(say("This belongs to another person, who alone can see and change it."))

    def _noted(self, check: Callable[[], None], did: str, which: str, owner: str = "") -> None:
        try:
            check()
        except NotAllowed:
            self._log.note(self._person.name, did, which, owner, refused=True)
            raise
