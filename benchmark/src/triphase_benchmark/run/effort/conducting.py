"""A probe of effort from its beginning to its files.

Its rule: what was measured is kept, whatever ends it. A probe that was interrupted has no verdict: looking at what
there happens to be would be a look that nobody has paid for.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from triphase_benchmark.client.asking import target_of
from triphase_benchmark.client.http_target import KeyMissing
from triphase_benchmark.effort.course import Course
from triphase_benchmark.effort.values import Judgement, Sample
from triphase_benchmark.report.effort.progress import EffortSnapshot
from triphase_benchmark.run.effort.asking import Asker
from triphase_benchmark.run.effort.greeting import Met, meet
from triphase_benchmark.run.effort.wanted import EffortWanted
from triphase_benchmark.run.effort.watching import Watch
from triphase_benchmark.run.problems import CannotRun, Ending

if TYPE_CHECKING:  # statistics are slow to load
    from triphase_benchmark.effort.outcome import Probed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a probe ended, and its files. `problem`: why some of them are missing; empty: none is."""

    probed: "Probed"
    ending: Ending
    files: tuple[Path, ...] = ()
    problem: str = ""


def probe_effort(wanted: EffortWanted, *, show: Callable[[EffortSnapshot], None]) -> Outcome:
    """Probes one engine.

    Raises:
        CannotRun: It cannot be measured, or the folder not be written; nothing was.
    """
    watch = Watch(wanted.engine.name, stages=len(wanted.stages), now=monotonic, show=show)
    watch.say("asking the engine what it takes")
    try:
        met = asyncio.run(meet(wanted))
    except KeyMissing as error:
        raise CannotRun(str(error)) from error
    try:
        wanted.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotRun(f"--out {wanted.out} cannot be written: {error.strerror or error}") from error
    design = wanted.design(met.levels, controlled=met.controlled)

    def judged(samples: list[Sample]) -> Judgement:
        from triphase_benchmark.effort.verdicts import judge  # noqa: PLC0415 - statistics are slow to load

        return judge(samples, design, limit=met.limit)

    course = Course(design, judge=judged)
    watch.follow(course)
    began, begun = datetime.now(UTC), monotonic()
    ending = Ending.WHOLE
    try:
        asyncio.run(_stages(wanted, met, course, watch))
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    took_s = monotonic() - begun
    watch.say("writing the report")
    from triphase_benchmark.run.effort.closing import probed_of, written  # noqa: PLC0415 - charts are slow to load

    probed = probed_of(wanted, met, course, ending, began=began.isoformat(timespec="seconds"), took_s=took_s)
    files, problem = written(probed, wanted.out)
    return Outcome(probed=probed, ending=Ending.BROKEN if problem else ending, files=files, problem=problem)


async def _stages(wanted: EffortWanted, met: Met, course: Course, watch: Watch) -> None:
    target = target_of(wanted.engine, model=met.model, limits=wanted.limits)
    asker = Asker(wanted, target, limit=met.limit)
    try:
        await target.open(wanted.concurrency)
        while cells := course.batch():
            await asker.all_of(course, cells, lambda: watch.asked(in_flight=asker.in_flight))
    finally:
        await target.close()
