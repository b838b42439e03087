"""The guide tells what is: its configuration is a valid one, and each effort becomes the body that its table says."""

import json
import re
from pathlib import Path

from triphase_server.config import load, warnings
from triphase_server.core.effort import plan
from triphase_server.core.request import Effort, GenerationRequest, Message, Reasoning, Role, TextPart

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
