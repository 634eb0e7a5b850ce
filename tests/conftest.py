"""Fixtures that any test may ask for."""

import jaxtyping
import pytest
import torch

torch.set_num_threads(1)  # tests work on tens of values, where threads only wait for each other: three times as fast


@pytest.fixture
def unchecked_types():
    """Annotations are not checked, as for a user: for tests of our own messages about wrong shapes, and for tests of speed."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
