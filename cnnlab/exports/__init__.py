"""A run as files for other programs, each checked where it is made."""
