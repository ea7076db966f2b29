"""How far a download in the background is."""

from __future__ import annotations

import streamlit as st

from cnnlab.i18n import _
from cnnlab.text import size_text
from cnnlab.values import DownloadStatus


def is_running(download: DownloadStatus | None) -> bool:
    return download is not None and download.state == "running"


def download_bar(download: DownloadStatus) -> None:
    """The bar, with what has arrived in words."""
    share = download.done_bytes / download.total_bytes if download.total_bytes else 0.0
    done = _("Downloading: {done} of {total}")
    st.progress(min(1.0, share), done.format(done=size_text(download.done_bytes), total=size_text(download.total_bytes)))
