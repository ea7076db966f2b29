"""Processes that work in the background: the dispatcher, runners and downloads."""
