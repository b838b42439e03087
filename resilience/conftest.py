"""The fixtures of these tests: how much of each proof is run, and a process that has all that gRPC ever keeps."""

import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from resilience.gateways import within
from resilience.scale import Scale, scale_of


@pytest.fixture(scope="session")
def scale() -> Scale:
    return scale_of(os.environ)


@pytest.fixture(autouse=True)
async def warm(tmp_path: Path) -> AsyncIterator[None]:
    """Serves once, so that what gRPC keeps is there before anything is counted, and counts nothing that is there.

    Other tests of this process leave errors behind, in constants and in pytest's own reports, and with their tracebacks
    whole requests. What is frozen the garbage collector does not list.
    """
    async with within(tmp_path, "http://127.0.0.1:9/v1") as gateway:
        await gateway.client.models()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
