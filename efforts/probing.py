"""Has the probe of effort judge a route of the gateway, in a process of its own: `triphase-benchmark effort`.

Its rule: the probe is asked as a user asks it, by its command, and is believed by what its report says. Its questions
are sums that training never showed.
"""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from efforts.problems import Problem


async def probed(
    address: str, setting: str, *, sums: Sequence[Problem], stages: str, folder: Path
) -> Mapping[str, Any]:
    """Returns the report, which is `effort.json`; raises RuntimeError where the probe left none.

    `stages` are prompts and seeds, such as `12x2`; `folder` is an empty one for what is made.
    """
    prompts = folder / "sums.jsonl"
    rows = ({"prompt": one.question, "answer": f"= {one.left + one.right}"} for one in sums)
    prompts.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    out = folder / f"probe-of-{setting}"
    options = {
        "--engine": f"gateway=grpc://{address},model={setting}",
        "--prompts": str(prompts),
        "--stages": stages,
        "--max-tokens": "512",
        "--seed": "1",
        "--out": str(out),
    }
    command = [
        sys.executable,
        "-m",
        "triphase_benchmark",
        "effort",
        *(word for pair in options.items() for word in pair),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, "--quiet", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate()
    report = out / "effort.json"
    if not report.exists():
        raise RuntimeError(f"the probe ended by {process.returncode}: {told.decode(errors='replace')}")
    found: Mapping[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found
