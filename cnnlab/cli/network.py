"""`--network`: a network of one's own from a file that Design saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnlab.architectures.own import Network
from cnnlab.errors import ConfigError
from cnnlab.i18n import N_, say
from cnnlab.text import shortened

CUSTOM = "custom"
_MOST_BYTES = 1_000_000  # read of a file; Network allows far less text

NetworkFile = Annotated[
    str | None,
    typer.Option(
        "--network",
        metavar="FILE",
        help="A network of your own in JSON, as Design saves it; it stands in place of NAME.",
        show_default=False,
    ),
]


def with_network(name: str | None, settings: list[str], file: str | None) -> tuple[str | None, list[str]]:
    """NAME and the settings, with the network in `file`, if one is given. Raises ConfigError."""
    if file is None:
        return name, settings
    if name not in (None, CUSTOM):
        message = say(
            "--network has all layers of a network, so NAME cannot be {name}: leave one of them out.", name=shortened(name)
        )
        raise ConfigError(message, "architecture")
    return CUSTOM, [*settings, f"network={_read(file).token}"]


def _read(file: str) -> Network:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(_MOST_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or N_("not a file name")
        message = say("The network {file} cannot be read ({reason}).", file=shortened(file), reason=reason)
        raise ConfigError(message, "network") from None
    try:
        return Network.read(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        message = say("The network {file} is not text in UTF-8: save it in this encoding.", file=shortened(file))
        raise ConfigError(message, "network") from None
    except ConfigError as error:
        message = say("The network {file} cannot be used: {error}", file=shortened(file), error=error)
        raise ConfigError(message, error.field) from None
