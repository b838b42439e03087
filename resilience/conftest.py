"""The fixture of these tests: how much of each proof is run."""

import os

import pytest

from resilience.scale import Scale, scale_of


@pytest.fixture(scope="session")
def scale() -> Scale:
    return scale_of(os.environ)
