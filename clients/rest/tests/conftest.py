"""The doors that the tests knock at: the shim before a real gateway, with the embedded engine or with a scripted one.

Run by `tox -e rest`, which builds the program (TRIPHASE_REST_BIN is its folder) and installs the package `openai`.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
from rest_fakes.processes import gateway, shim
from rest_fakes.scripted_engine import configuration, scripted_engine


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The shim before a gateway with the embedded engine."""
    with gateway() as address, shim(address) as url:
        yield url


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    with scripted_engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def scripted_url(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The shim before a gateway with the scripted engine."""
    file: Path = tmp_path_factory.mktemp("gateway") / "gateway.toml"
    file.write_text(configuration(engine))
    with gateway("--config", str(file)) as address, shim(address) as url:
        yield url


@pytest.fixture(scope="session")
def connect() -> Iterator[Callable[[str], Any]]:
    with ExitStack() as clients:
        yield lambda url: clients.enter_context(openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0))


@pytest.fixture(scope="session")
def client(url: str, connect: Callable[[str], Any]) -> Any:
    return connect(url)


@pytest.fixture(scope="session")
def scripted(scripted_url: str, connect: Callable[[str], Any]) -> Any:
    return connect(scripted_url)
