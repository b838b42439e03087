"""From samples to what a display shows of a probe.

Its rule: time is an argument; snapshots come as often as something changed.
"""

from collections.abc import Callable
from statistics import median

from triphase_benchmark.effort.course import Course
from triphase_benchmark.effort.values import Sample
from triphase_benchmark.report.effort.progress import EffortSnapshot, LevelProgress


class Watch:
    """Makes snapshots. `now` tells the time in seconds, `show` takes what is made."""

    def __init__(
        self, engine: str, *, stages: int, now: Callable[[], float], show: Callable[[EffortSnapshot], None]
    ) -> None:
        self._engine = engine
        self._stages = stages
        self._now = now
        self._show = show
        self._began = now()
        self._course: Course | None = None
        self._doing = ""

    def say(self, doing: str) -> None:
        """Shows what is done beside asking."""
        self._doing = doing
        self.asked(in_flight=0)

    def follow(self, course: Course) -> None:
        """The probe begins: time is counted from here on."""
        self._course = course
        self._began = self._now()
        self._doing = "asking"

    def asked(self, *, in_flight: int) -> None:
        """Shows how it stands."""
        course = self._course
        samples = course.samples if course is not None else []
        self._show(
            EffortSnapshot(
                engine=self._engine,
                doing=self._doing,
                stage=course.stage + 1 if course is not None else 0,
                stages=self._stages,
                done=len(samples),
                planned=course.planned if course is not None else 0,
                in_flight=in_flight,
                elapsed_s=self._now() - self._began,
                levels=self._levels(course) if course is not None else (),
            )
        )

    @staticmethod
    def _levels(course: Course) -> tuple[LevelProgress, ...]:
        arms = course.design.arms
        by_arm = {arm: [sample for sample in course.samples if sample.cell.arm == arm] for arm in arms}
        return tuple(
            LevelProgress(
                name=course.design.shown(arm),
                done=len(found),
                failed=sum(bool(sample.failure) for sample in found),
                tokens=median(lengths) if (lengths := _lengths(found)) else None,
            )
            for arm, found in by_arm.items()
        )


def _lengths(found: list[Sample]) -> list[int]:
    """Of each, by the best source that it has."""
    return [next(iter(sample.reasoning.values())) for sample in found if sample.reasoning]
