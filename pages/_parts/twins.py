"""Starts what is missing for a comparison of two settings, and says where Runs shows them side by side."""

from __future__ import annotations

import uuid

from cnnlab.errors import CNNLabError
from cnnlab.i18n import say
from cnnlab.lab import Lab
from cnnlab.run_names import COMPARED, NOTE
from cnnlab.runs.records import Run
from cnnlab.twins import Plan
from pages._parts.language import in_links
from pages._parts.visitor import visitor

RUNS_PAGE = "pages/runs.py"


def start_missing(lab: Lab, original: Run, plan: Plan, token: str) -> tuple[str, ...]:
    """Queues the runs that are missing; returns the ids of all of the plan, the original's first.

    With the same token a run is queued once, however often the button was pressed. Raises CNNLabError; those before it are queued.
    """
    ids: dict[str, str] = {}
    tag = f"{COMPARED}{original.id}"  # all of the comparison, where Runs filters by it
    missing, note = plan.missing, NOTE.format(id=original.id)
    for each in missing:
        settings = each.config.to_json()
        own = uuid.uuid5(uuid.UUID(token), settings).hex
        try:
            ids[settings] = lab.start(each.config, token=own, name=each.name, owner=visitor(), note=note)
            lab.tag(ids[settings], add=[tag], owner=visitor())
        except CNNLabError as error:
            if not ids:
                raise
            refused = say(
                "{done} of {count} runs are queued. The next one was refused: {error}",
                done=len(ids),
                count=len(missing),
                error=error,
            )
            raise CNNLabError(refused) from error
    return tuple(each.known or ids[each.config.to_json()] for each in plan.runs)


def side_by_side(ids: tuple[str, ...]) -> dict[str, str]:
    """The address of Runs with these runs beside each other: two with their disagreements, more as means over seeds."""
    return {"runs": ",".join(ids), "base": ids[0]} | ({"apart": "true"} if len(ids) == 2 else {"fold": "true"}) | in_links()
