"""CNN Lab: pick a convolutional network, read its layers, train it live, see what it gets right and wrong."""

__version__ = "0.1.0"
