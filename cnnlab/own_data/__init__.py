"""Data sets that users bring: read from folders, archives and tables that nobody vouches for, and kept as one file of bytes."""
