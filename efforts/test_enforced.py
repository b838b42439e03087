"""Effort on a template that ignores it, with thoughts that the gateway bounds: it is told apart, and graded, again.

What the cuts cost is shown as well: this model was never trained to answer from half a thought.
"""

import os
from pathlib import Path

from triphase.gateway.v1.generation_pb2 import ReasoningControl
from triphase_client import Client
from triphase_model.effort.profile import Status
from triphase_server.app.profiling import Derivations

from efforts import ignoring
from efforts.asking import EFFORTS, measure
from efforts.probing import probed
from efforts.problems import unseen
from efforts.scale import FULL, SMALL, is_full
from efforts.stage import BUDGETS, ENFORCED, stage
from efforts.test_probe import EACH, STAGES
from efforts.test_probe import SUMS as PROBED

SUMS = unseen(every=FULL if is_full(os.environ) else 2 * SMALL)


async def what_is_told(client: Client, effort: str) -> tuple[list[str], int, bool]:
    """Returns what stands for the effort in `completed`: the controls, the bound, and whether it was reached."""
    done = (await client.generate(prompt=SUMS[0].question, model=ENFORCED, effort=effort)).completed.reasoning
    controls = [ReasoningControl.Name(done.control), ReasoningControl.Name(done.max_tokens_control)]
    return [name.removeprefix("REASONING_CONTROL_") for name in controls], done.max_tokens, done.stopped


async def test_a_thought_ends_at_what_the_effort_stands_for(tmp_path: Path) -> None:
    async with stage(tmp_path) as serving:
        found = await measure(serving.client, ENFORCED, SUMS)
        told = {effort: await what_is_told(serving.client, effort) for effort in EFFORTS}
    none, low, medium, high = ([answer.reasoning_tokens for answer in one.answers] for one in found)
    assert set(none) == {0}
    assert all(0 < tokens <= BUDGETS["low"] for tokens in low)
    assert all(BUDGETS["low"] < tokens <= BUDGETS["medium"] for tokens in medium)
    assert all(tokens > BUDGETS["medium"] for tokens in high)
    # Who is not cut is right as ever, and every answer comes to its end.
    assert found[-1].right == len(SUMS)
    assert not any(answer.estimated for answer in found[-1].answers)
    assert told == {
        "none": (["PREFILL", "UNSPECIFIED"], 0, False),
        "low": (["FORCED_STOP", "FORCED_STOP"], BUDGETS["low"], True),
        "medium": (["FORCED_STOP", "FORCED_STOP"], BUDGETS["medium"], True),
        "high": (["UNSPECIFIED", "UNSPECIFIED"], 0, False),
    }


async def test_the_probe_says_graded_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as serving:
        report = await probed(serving.address, ENFORCED, sums=PROBED, stages=STAGES, folder=tmp_path)
    assert (report["verdict"], report["groups"]) == ("graded", EACH), report["reason"]


def test_that_the_template_ignores_effort_is_seen_in_the_models_files(tmp_path: Path) -> None:
    derive = Derivations()
    assert derive(ignoring.make(tmp_path / "made")).effort.status is Status.NONE
    assert derive(ignoring.reference()).effort.status is Status.GRADED
