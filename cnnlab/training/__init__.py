"""Training: a run as a generator of events (`cnnlab.training.engine`) and what it is made of."""
