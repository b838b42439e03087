"""A gateway on loopback with the reference model behind it, once as it is and once with a template that ignores effort.

Its rule: the gateway is wired by the application from a configuration file, as an operator has it; each route is one
setting. What is asked is `asking.py`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from triphase_client import Client
from triphase_model.engine.answering import ReferenceEndpoint
from triphase_model.engine.reference import ReferenceModel
from triphase_model.engine.server import serve
from triphase_server.app.gateway import running
from triphase_server.config import load

from efforts import ignoring

# The settings: the names of the routes.
READING = "reading"
IGNORING = "ignoring"

_TOP = 'listen = "127.0.0.1:0"\nmetrics_listen = ""\nlog_level = "error"\n'
_MODELS = {READING: "triphase-reference", IGNORING: "triphase-ignoring"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A gateway that serves; `engine_url` is where its engine listens."""

    client: Client
    address: str
    engine_url: str


def configuration(engine_url: str) -> str:
    """Returns the file: one upstream, and for each setting a deployment and a route."""
    tables = [f'[upstreams.engine]\nbase_url = "{engine_url}/v1"\n']
    for setting, model in _MODELS.items():
        tables.append(f'[deployments.{setting}]\nupstream = "engine"\nmodel = "{model}"\n')
        tables.append(f'[routes.{setting}]\ndeployments = ["{setting}"]\n')
    return _TOP + "\n".join(tables)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Serves in this process until the block ends; `folder` is an empty one for what is made."""
    ignores = ReferenceModel(ignoring.make(folder / "ignoring"))
    models = [ReferenceEndpoint(ReferenceModel.load()), ReferenceEndpoint(ignores, name=_MODELS[IGNORING])]
    async with serve(models=models) as engine:
        path = folder / "gateway.toml"
        path.write_text(configuration(engine.url), encoding="utf-8")
        async with running(load(path, environ={})) as gateway, Client(gateway.address, retry=None) as client:
            yield Stage(client=client, address=gateway.address, engine_url=engine.url)
