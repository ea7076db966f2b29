"""Previous and next, and which of how many are shown."""

from __future__ import annotations

import streamlit as st


def pager(key: str, total: int, per_page: int, *, legend: str = "") -> None:
    """Two buttons that turn the page number, from 1, which the session keeps under `key`."""
    number = st.session_state[key]
    first, last = (number - 1) * per_page + 1, min(number * per_page, total)

    def turn(pages: int) -> None:
        st.session_state[key] += pages

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Previous", icon=":material/chevron_left:", disabled=number <= 1, on_click=turn, args=(-1,))
        st.button("Next", icon=":material/chevron_right:", icon_position="right", disabled=last >= total, on_click=turn, args=(1,))
        st.markdown(f"{first:,}–{last:,} of {total:,}")
        if legend:
            st.caption(legend)
