"""The probe, by the gateway, of the reference model: *none* where its template ignores effort, else *graded*."""

import os
from pathlib import Path

from efforts.asking import EFFORTS
from efforts.probing import probed
from efforts.problems import unseen
from efforts.scale import is_full
from efforts.stage import IGNORING, READING, stage

# Of ten prompts, a sign-flip test can show all six pairs of levels at 1 %, corrected together. Of equal lengths, which
# seeds repeat exactly, fewer tell.
STAGES = "12x2,30x3" if is_full(os.environ) else "10x1"
FEWER = "12x2,30x3" if is_full(os.environ) else "6x1"
SUMS = unseen(every=13)[: 30 if is_full(os.environ) else 10]
EACH = [[effort] for effort in EFFORTS]


async def test_a_template_that_reads_the_effort_is_graded(tmp_path: Path) -> None:
    async with stage(tmp_path) as serving:
        report = await probed(serving.address, READING, sums=SUMS, stages=STAGES, folder=tmp_path)
    assert (report["verdict"], report["groups"]) == ("graded", EACH), report["reason"]


async def test_a_template_that_ignores_it_has_none(tmp_path: Path) -> None:
    async with stage(tmp_path) as serving:
        report = await probed(serving.address, IGNORING, sums=SUMS, stages=FEWER, folder=tmp_path)
    assert (report["verdict"], report["groups"]) == ("none", [list(EFFORTS)]), report["reason"]
