"""The embedded engine of the model package, through workers: what it was told to say is what is recorded."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from triphase_benchmark.client.crew import Crew
from triphase_benchmark.client.leg import Leg
from triphase_benchmark.client.probing import probe
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.values import Load, Message, PlannedRequest, Prompt
from triphase_benchmark.records.folder import RunFolder
from triphase_model.engine.process import EngineProcess

MODEL = "triphase-simulated"
THINKS = {
    "reasoning_field": "reasoning",
    "steps": [{"reasoning": "hm ", "repeat": 6}, {"content": "yes ", "repeat": 8, "tokens_per_chunk": 4}],
}
SCRIPTS: list[dict[str, Any]] = [
    THINKS,
    {"steps": [{"content": "a", "repeat": 5}, {"raw": ": ping\n\n"}], "role_chunk": False, "events_per_write": 100},
    {**THINKS, "fault": {"kind": "reset", "at": "stream", "after_chunks": 3}},
    {**THINKS, "fault": {"kind": "status", "status": 503}},
    {**THINKS, "fault": {"kind": "garble", "what": "invalid_json", "after_chunks": 2}},
    {**THINKS, "fault": {"kind": "error_frame", "after_chunks": 2, "message": "out of memory"}},
    {"steps": [{"raw": ": ping\n\n"}]},
    {"steps": [{"content": "a"}], "usage": False},
]


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EngineProcess(models=("simulated",)) as process:
        yield Engine(name="simulated", url=process.url)


def planned(number: int, script: dict[str, Any]) -> PlannedRequest:
    prompt = Prompt(id=f"p{number}", messages=(Message(role="user", content="?"),), extra_body={"simulate": script})
    return PlannedRequest(number=number, prompt=prompt, scheduled_ns=number * 1_000_000)


async def test_what_it_said_is_what_is_recorded(tmp_path: Path, engine: Engine) -> None:
    found = await probe(engine)
    assert found.models == (MODEL,)
    folder = RunFolder(tmp_path)
    requests = tuple(planned(number, script) for number, script in enumerate(SCRIPTS))
    leg = Leg(round=0, place_in_round=0, engine=engine, model=MODEL, load=Load.OPEN, places=None, requests=requests)
    with Crew(folder, workers=1) as crew:
        crew.run(leg)
    folder.close()
    rows = sorted(folder.read_requests().to_pylist(), key=lambda row: row["request"])
    errors = [row["error"] for row in rows]
    assert errors == [None, None, "reset", "status", "protocol", "in_band", "empty", None]
    assert [len(row["chunk_times"]) for row in rows] == [8, 5, 3, 0, 2, 2, 0, 1]
    thinks, bundled = rows[0], rows[1]
    assert thinks["chunk_output"] == 6 * [False] + 2 * [True]
    assert (thinks["output_tokens"], thinks["reasoning_tokens"]) == (14, 6)
    assert (thinks["reasoning_characters"], thinks["output_characters"]) == (18, 32)
    assert (bundled["output_tokens"], bundled["shared_reads"]) == (5, 5)
    assert [row["output_tokens"] for row in rows[6:]] == [0, None]
    assert (rows[3]["status"], rows[5]["error_detail"]) == (503, "out of memory")
