"""The editor of a network of one's own: its rows, one row's settings, and where networks come from and go to."""

from pages._parts.builder.editor import edit_rows
from pages._parts.builder.mode import offer_rows, pick_card
from pages._parts.builder.state import current

__all__ = ["current", "edit_rows", "offer_rows", "pick_card"]
