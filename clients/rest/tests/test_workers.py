"""Several workers behind the shim, which share one port: calls reach all of them."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
from rest_fakes.processes import gateway, shim
from rest_fakes.scripted_engine import configuration

STREAMS = 32


def in_flight(admin: str) -> list[int]:
    """How many attempts each worker has under way, by its own word."""
    command = [sys.executable, "-m", "triphase_server", "status", "--admin", admin, "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [sum(deployment["in_flight"] for deployment in worker["deployments"]) for worker in told["workers"]]


def test_calls_reach_every_worker(engine: Any, tmp_path: Path) -> None:
    file, admin = tmp_path / "gateway.toml", f"unix:{tmp_path}/admin"
    file.write_text(configuration(engine))
    with ExitStack() as stack:
        address = stack.enter_context(gateway("--config", str(file), "--workers", "2", "--admin", admin))
        # Sixteen connections, which the kernel deals out: that a worker gets none of them is 1 in 32 768.
        url = stack.enter_context(shim(address, options=["--connections", "16"]))
        client = stack.enter_context(openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0))
        for _ in range(STREAMS):
            stream = client.chat.completions.create(
                model="endless", messages=[{"role": "user", "content": "Count."}], stream=True
            )
            next(iter(stack.enter_context(stream)))
        running = in_flight(admin)
        assert sum(running) == STREAMS
        assert len(running) == 2
        assert min(running) > 0
