"""A gateway in front of one upstream, with the route `m`: in this process, or in one of its own.

Its rule: both are wired by the application from one configuration, so that what is proven of one holds for the other;
only this process can be looked into, only another one has its own memory, signals and standard error. What is asked of
them is the tests' matter.
"""

import asyncio
import socket
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from end_to_end.processes import Process, command
from prometheus_client.parser import text_string_to_metric_families
from triphase_client import Client
from triphase_server.app.gateway import running
from triphase_server.config import load

from resilience.meter import resident_bytes

# What an operator keeps to themselves.
KEY = "sk-the-operators-own-4711"
ACCOUNT = "account-of-the-operator-4712"
_ENVIRON = {"ENGINE_KEY": KEY, "ENGINE_ACCOUNT": ACCOUNT}
NONE: Mapping[str, float] = {}
_GAUGES = {"triphase_requests_in_flight", "triphase_deployment_in_flight"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that serves, and a client of it."""

    client: Client
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayProcess(Gateway):
    """One with memory, signals and metrics of its own."""

    process: Process
    metrics_url: str

    @property
    def resident_bytes(self) -> int:
        """The memory that it has in use."""
        return resident_bytes(self.process.handle.pid)

    async def metrics(self) -> str:
        """Returns what its metrics say."""
        return await asyncio.to_thread(_read, self.metrics_url)

    async def running(self) -> dict[str, float]:
        """Returns the gauges that say what runs, those that stand at zero left out."""
        families = text_string_to_metric_families(await self.metrics())
        samples = [sample for family in families for sample in family.samples if sample.name in _GAUGES]
        assert {sample.name for sample in samples} == _GAUGES
        return {sample.name: sample.value for sample in samples if sample.value}


def configuration(
    folder: Path,
    base_url: str,
    routes: Sequence[str] = ("m",),
    *,
    limits: Mapping[str, float] = NONE,
    **settings: object,
) -> Path:
    """Writes a configuration file: one upstream, and for each route a deployment.

    `limits` are those of the upstream, `settings` keys of the top.
    """
    keys = {"listen": "127.0.0.1:0", "metrics_listen": "", "log_level": "error", **settings}
    tables = [f"[deployments.{name}]\nupstream = 'engine'\nmodel = '{name}'\n" for name in routes]
    # What follows a failed attempt is proven elsewhere.
    tables += [f"[routes.{name}]\ndeployments = ['{name}']\nretry = {{ max_attempts = 1 }}\n" for name in routes]
    tables += ["[upstreams.engine.limits]\n", *(f"{key} = {value}\n" for key, value in limits.items())]
    upstream = (
        f"base_url = '{base_url}'\napi_key_env = 'ENGINE_KEY'\nheaders_env = {{ x-account = 'ENGINE_ACCOUNT' }}\n"
    )
    path = folder / "gateway.toml"
    path.write_text(
        "".join([*(f"{key} = {value!r}\n" for key, value in keys.items()), "[upstreams.engine]\n", upstream, *tables])
    )
    return path


@asynccontextmanager
async def within(folder: Path, base_url: str) -> AsyncIterator[Gateway]:
    """Runs a gateway in this process."""
    config = load(configuration(folder, base_url), environ=_ENVIRON)
    async with running(config) as started, Client(started.address, retry=None) as client:
        yield Gateway(client=client, address=started.address)


@asynccontextmanager
async def beside(
    folder: Path, base_url: str, *options: str, guard_s: float, **settings: Any
) -> AsyncIterator[GatewayProcess]:
    """Runs a gateway as a process; at the end it is killed if it still runs, and `guard_s` is against hanging.

    `options` are those of `triphase-server serve`, `settings` those of `configuration`.
    """
    metrics = f"127.0.0.1:{_free_port()}"
    path = configuration(folder, base_url, metrics_listen=metrics, **settings)
    async with command("serve", "--config", str(path), *options, environ=_ENVIRON, guard_s=guard_s) as process:
        address = await process.address()
        async with Client(address, retry=None) as client:
            yield GatewayProcess(
                client=client, address=address, process=process, metrics_url=f"http://{metrics}/metrics"
            )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _read(url: str) -> str:
    with urllib.request.urlopen(url) as response:
        text: str = response.read().decode()
        return text
