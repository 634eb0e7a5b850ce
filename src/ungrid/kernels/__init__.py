"""The fast paths: native code where a compiler built it, PyTorch operations elsewhere; each agrees with its reference."""
