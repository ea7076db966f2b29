"""A user's own picture: read from a file that nobody vouches for, and prepared as a data set's pictures were."""
