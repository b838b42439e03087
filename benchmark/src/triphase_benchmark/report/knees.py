"""Where the engines of a sweep give in: between the highest load that each keeps up with and the lowest that it cannot.

Its rule: whether a load saturates an engine was judged while it was measured (`run/sweeping.py`) and stands in the
manifest; here the loads are put in order. A load that was kept up with above one that was not counts for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from triphase_benchmark.report.inputs import Inputs, LoadPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """Of one engine. `keeps_up_at`, `saturated_at`: loads; `None` where no load that was tried is one of these."""

    engine: str
    keeps_up_at: float | None
    saturated_at: float | None


def knees(inputs: Inputs) -> tuple[Knee, ...]:
    """One for each engine, in their order; none where no load was judged, as in a plain run."""
    judged = [point for point in inputs.facts.sweep if point.saturated is not None]
    return tuple(_knee(name, judged) for name in inputs.engines) if judged else ()


def _knee(engine: str, judged: Sequence[LoadPoint]) -> Knee:
    beyond = {point.value for point in judged if engine in (point.saturated or ())}
    at = min(beyond, default=None)
    held = (point.value for point in judged if at is None or point.value < at)
    return Knee(engine=engine, keeps_up_at=max(held, default=None), saturated_at=at)
