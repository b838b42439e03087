"""The guide tells what is: its configuration is a valid one, and each effort becomes the body that its table says."""

import json
import re
from pathlib import Path

import pytest
from triphase.gateway.v1 import StreamGenerateRequest
from triphase_server.app.profiling import Derivations
from triphase_server.config import load, warnings
from triphase_server.core.effort import plan
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy
from triphase_server.core.errors import InvalidRequest
from triphase_server.core.events import Control
from triphase_server.core.request import Effort, GenerationRequest, Message, Reasoning, Role, TextPart
from triphase_server.rpc.requests import to_request

from efforts import ignoring

GUIDE = (Path(__file__).parent.parent / "docs" / "reasoning-effort.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\w+) \| `(\{.*\})` \| ([\w ]+) \|$", re.MULTILINE)
HELLO = (Message(role=Role.USER, content=(TextPart("Hello"),)),)


def test_what_each_effort_becomes_on_qwen3_and_vllm(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(\[upstreams\.vllm\]\n.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    path = tmp_path / "gateway.toml"
    path.write_text(example, encoding="utf-8")
    config = load(path, environ={})
    assert [str(warning) for warning in warnings(config)] == []
    policy = config.deployments["qwen3"].effort
    made = []
    for effort in Effort:
        request = GenerationRequest(model="qwen3", messages=HELLO, reasoning=Reasoning(effort=effort))
        planned = plan(request, policy=policy)
        assert planned.applied.control is not None
        made.append((effort.value, planned.body, planned.applied.control.value.replace("_", " ")))
    assert [(effort, json.loads(body), control) for effort, body, control in ROW.findall(GUIDE)] == made
    assert len({json.dumps(body) for _, body, _ in made}) == len(Effort)


def test_what_each_effort_becomes_where_the_gateway_holds_bounds(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(\[deployments\.ours\]\n.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    (tmp_path / "models").mkdir()
    ignoring.make(tmp_path / "models" / "our-model")
    path = tmp_path / "gateway.toml"
    around = '[upstreams.engine]\nbase_url = "http://127.0.0.1:8000/v1"\n[routes.ours]\ndeployments = ["ours"]\n'
    path.write_text(around + example, encoding="utf-8")
    policy = load(path, environ={}, derive=Derivations()).deployments["ours"].effort
    made = {}
    for effort in Effort:
        request = GenerationRequest(model="ours", messages=HELLO, reasoning=Reasoning(effort=effort))
        planned = plan(request, policy=policy)
        assert planned.body == {}
        made[effort.value] = (planned.applied.control, planned.enforced)
    stop = Control.FORCED_STOP
    assert made == {
        "none": (Control.PREFILL, 0),
        "minimal": (stop, 256),
        "low": (stop, 512),
        "medium": (stop, 2048),
        "high": (stop, 8192),
        "xhigh": (stop, 32768),
        "max": (None, None),
    }


TOGGLE = EffortPolicy(method=EffortMethod.TOGGLE, supported=(Effort.NONE, Effort.MEDIUM))
BOUNDED = EffortPolicy(budget_field="thinking_token_budget")
LONG, LOW = Reasoning(max_tokens=2000), Reasoning(effort=Effort.LOW)
THINKS_NOT = {"chat_template_kwargs": {"enable_thinking": False}}


@pytest.mark.parametrize(
    ("request_", "policy"),
    [
        (GenerationRequest(model="m", messages=HELLO, reasoning=LOW), TOGGLE),
        (GenerationRequest(model="m", messages=HELLO, reasoning=LONG), TOGGLE),
        (GenerationRequest(model="m", messages=HELLO, reasoning=LONG, max_output_tokens=2000), BOUNDED),
        (GenerationRequest(model="m", messages=HELLO, reasoning=Reasoning(minimum_tokens=9)), BOUNDED),
        (GenerationRequest(model="m", messages=HELLO, reasoning=LOW, extra_body=THINKS_NOT), BOUNDED),
    ],
)
def test_what_is_refused_is_told_as_it_is(request_: GenerationRequest, policy: EffortPolicy) -> None:
    with pytest.raises(InvalidRequest) as refused:
        plan(request_, policy=policy)
    assert_told(refused.value)


@pytest.mark.parametrize(
    "reasoning", [{"effort": 99}, {"max_tokens": -1}, {"max_tokens": 10**9}, {"max_tokens": 5, "minimum_tokens": 6}]
)
def test_what_is_no_request_is_told_as_it_is(reasoning: dict[str, int]) -> None:
    hello = {"role": "ROLE_USER", "content": [{"text": "Hello"}]}
    with pytest.raises(InvalidRequest) as refused:
        to_request(StreamGenerateRequest(model="m", messages=[hello], reasoning=reasoning))  # type: ignore[list-item,arg-type]
    assert_told(refused.value)


def assert_told(refusal: InvalidRequest) -> None:
    """Every violation stands in the guide, word by word but for what depends on the request."""
    section = GUIDE.split("## What is refused")[1].split("What goes wrong later")[0]
    quoted = [re.escape(words).replace("…", ".+") for words in re.findall(r"`([^`]+)`", section)]
    for violation in refusal.violations:
        told = (violation.description, f"{violation.field} {violation.description}")
        assert any(re.fullmatch(words, one) for words in quoted for one in told), told
