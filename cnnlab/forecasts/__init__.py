"""What a run will need, and whether it may start."""
