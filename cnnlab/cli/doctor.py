"""The command that looks at this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cnnlab.cli.commands import AsJson, Home, print_json, print_text
from cnnlab.doctor.examine import examine
from cnnlab.doctor.findings import healthy, verdict
from cnnlab.i18n import ENGLISH, language, using


def doctor(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Without torch: seconds less, and devices are not tried.")] = False,
    address: Annotated[str, typer.Option(help="The --server.address with which you start the lab.", show_default=False)] = "",
    port: Annotated[int, typer.Option(help="The --server.port with which you start it.", show_default=False)] = 0,
    as_json: AsJson = False,
    home: Home,
) -> None:
    """Say what is right (✓), to look at (!) and wrong (✗) on this machine, and what to do. Exit code 1 where something is wrong."""
    found = []
    with using(ENGLISH if as_json else language()):
        for finding in examine(home, quick=quick, address=address, port=port):
            found.append(finding)
            if not as_json:
                print_text(finding.line())
    if as_json:
        print_json({"healthy": healthy(found), "findings": [asdict(finding) for finding in found]})
    else:
        print_text(f"\n{verdict(found)}")
    if not healthy(found):
        raise typer.Exit(1)
