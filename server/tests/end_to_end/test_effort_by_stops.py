"""Efforts on a model whose template ignores them and on an engine that cannot bound: by stops of the gateway itself.

All of it as an operator has it: a file names the model's repository, a profile is made of that, and what the template
cannot tell apart becomes bounds that the gateway keeps.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from end_to_end.stage import GUARD_S, Stage, request
from end_to_end.test_enforcement import model as model  # noqa: PLC0414 - fixtures
from end_to_end.test_enforcement import repository as repository  # noqa: PLC0414
from triphase.gateway.v1 import AppliedReasoning, Reasoning, generation_pb2
from triphase_client import Client
from triphase_model.engine.answering import ReferenceEndpoint
from triphase_model.engine.reference import ReferenceModel
from triphase_model.engine.server import serve
from triphase_server.app.gateway import running
from triphase_server.app.profiling import Derivations
from triphase_server.config import load
from triphase_server.core.request import Effort

CONTROL, SOURCE = generation_pb2.ReasoningControl, generation_pb2.ReasoningSource
BUDGETS = {Effort.MINIMAL: 4, Effort.LOW: 8, Effort.MEDIUM: 24, Effort.HIGH: 48, Effort.XHIGH: 64}
CONFIG = """
listen = "127.0.0.1:0"
metrics_listen = ""
grace_s = 0.0
[upstreams.engine]
base_url = "{url}/v1"
[deployments.d]
upstream = "engine"
model = "{model}"
engine = "openai"
repository = "{repository}"
[deployments.d.effort]
minimum = true
budgets = {{ minimal = 4, low = 8, medium = 24, high = 48, xhigh = 64 }}
[deployments.d.enforcement]
closing = "\\n</think>\\n"
answer_tokens = 64
body = {{ parse_special = true }}
[routes.m]
deployments = ["d"]
"""


def wire(effort: Effort) -> "generation_pb2.ReasoningEffort.ValueType":
    return generation_pb2.ReasoningEffort.Value(f"REASONING_EFFORT_{effort.name}")


@pytest_asyncio.fixture
async def stage(model: ReferenceModel, repository: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    endpoint = ReferenceEndpoint(model)
    path = tmp_path / "gateway.toml"
    async with serve(models=[endpoint]) as engine:
        path.write_text(CONFIG.format(url=engine.url, model=endpoint.name, repository=repository))
        config = await asyncio.to_thread(load, path, environ={}, derive=Derivations())
        async with (
            asyncio.timeout(GUARD_S),
            running(config) as started,
            Client(started.address, retry=None) as client,
        ):
            yield Stage(client, started.address)


async def asked(stage: Stage, **wishes: Any) -> tuple[AppliedReasoning, AppliedReasoning, int]:
    """Returns what `started` and `completed` say was applied, and the reasoning tokens."""
    events = await stage.events(request(reasoning=Reasoning(**wishes)))
    assert "".join(event.output_delta.text for event in events)
    completed = events[-1].completed
    return events[0].started.reasoning, completed.reasoning, completed.usage.reasoning_tokens


async def test_each_effort_is_a_stop_of_its_own(stage: Stage) -> None:
    (listed,) = await stage.client.models()
    assert (list(listed.efforts), listed.bounds_reasoning) == ([wire(effort) for effort in Effort], True)
    tokens = []
    for effort, most in BUDGETS.items():
        started, completed, thought = await asked(stage, effort=wire(effort))
        assert (started.control, started.max_tokens_control) == (CONTROL.REASONING_CONTROL_FORCED_STOP,) * 2
        assert (started.applied_effort, started.max_tokens, started.method) == (wire(effort), most, "")
        assert started.source == SOURCE.REASONING_SOURCE_REQUEST
        assert not started.stopped
        assert completed.stopped
        completed.stopped = False
        assert completed == started
        assert 0 < thought <= most
        tokens.append(thought)
    assert tokens == sorted(set(tokens))


async def test_none_is_a_thought_that_is_closed_already(stage: Stage) -> None:
    started, completed, thought = await asked(stage, effort=wire(Effort.NONE))
    assert (started.control, started.max_tokens) == (CONTROL.REASONING_CONTROL_PREFILL, 0)
    assert (completed.control, completed.applied_effort, thought) == (started.control, wire(Effort.NONE), 0)


async def test_the_most_effort_and_none_said_are_the_model_as_it_is(stage: Stage) -> None:
    unasked, _, natural = await asked(stage)
    assert unasked == AppliedReasoning()
    started, completed, thought = await asked(stage, effort=wire(Effort.MAX))
    assert (started, thought) == (completed, natural)
    assert (started.applied_effort, started.control) == (wire(Effort.MAX), CONTROL.REASONING_CONTROL_UNSPECIFIED)
    assert natural > BUDGETS[Effort.XHIGH]


async def test_a_bound_of_the_request_comes_before_that_of_its_effort(stage: Stage) -> None:
    started, completed, thought = await asked(stage, effort=wire(Effort.LOW), max_tokens=16)
    assert (started.max_tokens, completed.stopped) == (16, True)
    assert BUDGETS[Effort.LOW] < thought <= 16


@pytest.mark.parametrize(
    ("wishes", "most"), [({"effort": wire(Effort.LOW), "minimum_tokens": 9}, 8), ({"minimum_tokens": 60}, 50)]
)
async def test_the_least_amount_of_thought_must_fit(stage: Stage, wishes: dict[str, Any], most: int) -> None:
    failure = await stage.failure(request(reasoning=Reasoning(**wishes), max_output_tokens=100))
    (violation,) = failure.error.violations
    assert violation.field == "reasoning.minimum_tokens"
    assert violation.description == f"must be at most {most}, which is what bounds the thoughts of this request"
