"""The machine and the home folder: processes, memory, files, and the background process."""
