"""The button that signs this browser out. It posts a form: a link alone could be followed by a page of another site."""

from __future__ import annotations

from pathlib import Path

from streamlit.components import v2

from cnnlab.i18n import _

_button = v2.component(
    "cnnlab_sign_out",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    css=Path(__file__).with_suffix(".css").read_text(encoding="utf-8"),
)


def sign_out() -> None:
    """Draws it."""
    _button(data={"label": _("Sign out")}, key="sign out")
