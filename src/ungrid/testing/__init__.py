"""Contract checks and small signals with known answers: for ungrid's own tests, and for authors of extensions."""

from ungrid.testing.contracts import check_encoding, check_field, check_network
from ungrid.testing.linear import adjoint_gap, check_linear

__all__ = ["adjoint_gap", "check_encoding", "check_field", "check_linear", "check_network"]
