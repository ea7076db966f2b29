"""Pages of images: which one is open, in the session and in the address, and the buttons that turn it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from cnnlab.i18n import _
from cnnlab.values import DisagreementPage, PredictionPage
from pages._parts.address import Address, whole_number

PER_PAGE = 40
Answer = TypeVar("Answer", PredictionPage, DisagreementPage)


@dataclass(frozen=True, slots=True)
class Pager:
    """The number of the open page, from 1. The session keeps it under `key`, the address as `page`."""

    key: str
    per_page: int = PER_PAGE

    def initialise(self, address: Address) -> None:
        address.initialise(self.key, "page", 1, whole_number("page", 1, 100_000))

    def write(self, address: Address) -> None:
        address.write("page", st.session_state[self.key], 1)

    def restart(self) -> None:
        """Opens the first page: a filter has changed."""
        st.session_state[self.key] = 1

    def turn(self, pages: int) -> None:
        st.session_state[self.key] = max(1, st.session_state[self.key] + pages)

    def offset(self, total: int | None = None) -> int:
        """The index of the open page's first image; beyond the end of `total` images the last page is opened."""
        if total is not None:
            st.session_state[self.key] = min(st.session_state[self.key], self._pages(total))
        return (st.session_state[self.key] - 1) * self.per_page

    def fetch(self, ask: Callable[..., Answer]) -> Answer:
        """What `ask(offset=…, count=…)` answers for the open page, or for the last one where the open one is beyond the end."""
        page = ask(offset=self.offset(), count=self.per_page)
        if page.items or not page.total:
            return page
        return ask(offset=self.offset(page.total), count=self.per_page)

    def buttons(self, total: int) -> None:
        """Draws which of how many images are shown, and Previous and Next where that is not all."""
        first, last = self.offset() + 1, min(self.offset() + self.per_page, total)
        shown = _("{first:,}–{last:,} of {total:,}").format(first=first, last=last, total=total)
        if total <= self.per_page:
            st.markdown(shown)
            return
        following = _("Next {count}").format(count=min(self.per_page, total - last) or self.per_page)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                _("Previous {count}").format(count=self.per_page),
                icon=":material/chevron_left:",
                disabled=first == 1,
                on_click=self.turn,
                args=(-1,),
            )
            st.button(
                following, icon=":material/chevron_right:", icon_position="right",
                disabled=last >= total, on_click=self.turn, args=(1,),
            )  # fmt: skip
            st.markdown(shown)

    def _pages(self, total: int) -> int:
        return max(1, -(-total // self.per_page))
