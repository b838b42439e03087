"""The fixtures of these tests: how much of each proof is run, and a process that has all that gRPC ever keeps."""

import os
from pathlib import Path

import pytest

from resilience.gateways import within
from resilience.scale import Scale, scale_of


@pytest.fixture(scope="session")
def scale() -> Scale:
    return scale_of(os.environ)


@pytest.fixture(autouse=True)
async def warm(tmp_path: Path) -> None:
    """Serves once, so that what gRPC keeps is there before anything is counted."""
    async with within(tmp_path, "http://127.0.0.1:9/v1") as gateway:
        await gateway.client.models()
