"""The gate: the ASGI layer around the whole server. No page, file, upload, feed or WebSocket is answered to a stranger.

`layer.py` decides on each request by `cnnlab.access`; `sign_in.py` draws what a stranger gets in place of the page.
"""
