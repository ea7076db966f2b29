"""Training: a run as a generator of events (`cnnlab.training.engine`), and its parts."""
