"""Several runs side by side: as values, and as one HTML file."""
