"""A network as PyTorch code that reads as in a textbook and runs as it is printed."""

from cnnlab.network_code.network import NetworkCode, code_of, network_code

__all__ = ["NetworkCode", "code_of", "network_code"]
