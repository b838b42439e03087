"""A gateway on loopback with the reference model behind it, as it is and with a template that ignores effort.

Its rule: the gateway is wired by the application from a configuration file, as an operator has it; each route is one
setting. In the last of them the gateway itself bounds the thoughts of the model whose template ignores effort, at about
the lengths of those of the model as it is. What is asked is `asking.py`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from triphase_client import Client
from triphase_model.engine.answering import ReferenceEndpoint
from triphase_model.engine.reference import ReferenceModel
from triphase_model.engine.server import serve
from triphase_server.app.gateway import running
from triphase_server.app.profiling import Derivations
from triphase_server.config import load

from efforts import ignoring

# The settings: the names of the routes.
READING = "reading"
IGNORING = "ignoring"
ENFORCED = "enforced"

_TOP = 'listen = "127.0.0.1:0"\nmetrics_listen = ""\nlog_level = "error"\n'
_NAME = "triphase-ignoring"
_MODELS = {READING: "triphase-reference", IGNORING: _NAME, ENFORCED: _NAME}
# Reasoning tokens at which thoughts are cut there; those of `high` are not.
BUDGETS = {"low": 14, "medium": 56}
# That no effort gives a prompt of its own is seen in the model's files; its context has no room for long answers.
_ENFORCEMENT = """
[deployments.enforced.effort]
budgets = { minimal = LOW, low = LOW, medium = MEDIUM, high = 0, xhigh = 0 }

[deployments.enforced.enforcement]
opening = "<think>"
closing = "\\n</think>\\n"
answer_tokens = 128
body = { parse_special = true }
""".replace("LOW", str(BUDGETS["low"])).replace("MEDIUM", str(BUDGETS["medium"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A gateway that serves; `engine_url` is where its engine listens."""

    client: Client
    address: str
    engine_url: str


def configuration(engine_url: str, *, ignoring: Path) -> str:
    """Returns the file: one upstream, and for each setting a deployment and a route.

    `ignoring` is the folder of the model whose template ignores effort.
    """
    tables = [f'[upstreams.engine]\nbase_url = "{engine_url}/v1"\n']
    for setting, model in _MODELS.items():
        tables.append(f'[deployments.{setting}]\nupstream = "engine"\nmodel = "{model}"\n')
        if setting == ENFORCED:
            tables.append(f"repository = {json.dumps(str(ignoring))}\n{_ENFORCEMENT}")
        tables.append(f'[routes.{setting}]\ndeployments = ["{setting}"]\n')
    return _TOP + "\n".join(tables)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Serves in this process until the block ends; `folder` is an empty one for what is made."""
    made = ignoring.make(folder / "ignoring")
    models = [ReferenceEndpoint(ReferenceModel.load()), ReferenceEndpoint(ReferenceModel(made), name=_NAME)]
    async with serve(models=models) as engine:
        path = folder / "gateway.toml"
        path.write_text(configuration(engine.url, ignoring=made), encoding="utf-8")
        config = await asyncio.to_thread(load, path, environ={}, derive=Derivations())
        async with running(config) as gateway, Client(gateway.address, retry=None) as client:
            yield Stage(client=client, address=gateway.address, engine_url=engine.url)
