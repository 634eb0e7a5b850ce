"""Contract checks and small signals with known answers: for ungrid's own tests, and for authors of extensions."""

from ungrid.testing.contracts import check_encoding, check_field, check_network

__all__ = ["check_encoding", "check_field", "check_network"]
