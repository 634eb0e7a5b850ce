"""Estimates without a field: what a careful person would have used instead, on tensors [*shape, c]."""
