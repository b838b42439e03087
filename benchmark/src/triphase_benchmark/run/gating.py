"""The course of a gate: rounds, a look, more rounds where nothing can be told yet, up to the limit.

Its rule: how often one may look, and what is then claimed, is `comparison/gate.py`. A client that was too slow can
neither acquit nor accuse an engine: then the verdict is *inconclusive*, whatever the figures say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from triphase_benchmark.comparison.gate import Gate, GateDecision, GateVerdict, decide
from triphase_benchmark.comparison.pairs import Measure
from triphase_benchmark.comparison.verdicts import primary_of
from triphase_benchmark.metrics.catalog import METRICS
from triphase_benchmark.plan.making import more_rounds
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.run.conducting import Stage


@dataclass(slots=True)
class GateCourse:
    """`decision` is what the last look said; `None` before the first."""

    gate: Gate
    baseline: str
    engine: str
    decision: GateDecision | None = field(default=None, init=False)

    def __call__(self, stage: Stage) -> None:
        """Runs as many rounds as it takes. Raises BrokeOff."""
        plan, done = stage.plan, 0
        while True:
            stage.legs.run(plan.rounds[done:], load=plan.load, places=plan.concurrency)
            done = len(plan.rounds)
            self.decision = decide(stage.rounds(), self.gate, baseline=self.baseline, engine=self.engine, look=done)
            stage.manifest["gate"] = self.as_json()
            if not self.decision.add_rounds:
                return
            plan = more_rounds(stage.wish, plan, self.decision.add_rounds)
            stage.grow(plan)

    def verdict(self, *, client_ok: bool | None) -> GateVerdict:
        """What is said in the end."""
        if self.decision is None or client_ok is False:
            return GateVerdict.INCONCLUSIVE
        return self.decision.verdict

    def lines(self, *, client_ok: bool | None) -> list[str]:
        """The verdict in words, and what each measure says of it."""
        verdict = self.verdict(client_ok=client_ok).value
        why = ", since the client was too slow to tell" if client_ok is False else ""
        most = f"{self.gate.max_regress * 100:g} %"
        lines = [f"Gate: {self.engine} against {self.baseline}, at most {most} worse: {verdict.upper()}{why}"]
        for one in self.decision.measures if self.decision else ():
            known = "nothing is known" if one.low is None or one.high is None else _worse(one.low, one.high)
            lines.append(f"  {'.'.join(one.measure):24} {one.verdict.value:14} {known}, {one.rounds} rounds")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Its part of the manifest."""
        decision = self.decision
        return {
            "max_regress": self.gate.max_regress,
            "confidence": self.gate.confidence,
            "looks": list(self.gate.looks),
            "verdict": None if decision is None else decision.verdict.value,
            "measures": [
                {
                    "measure": ".".join(one.measure),
                    "verdict": one.verdict.value,
                    "rounds": one.rounds,
                    "low": one.low,
                    "high": one.high,
                }
                for one in (decision.measures if decision else ())
            ],
        }


def _worse(low: float, high: float) -> str:
    return f"{low - 1:+.1%} … {high - 1:+.1%} worse"


def share_of(text: str, flag: str) -> float:
    """What `5%` or `0.05` means. Raises BadInput."""
    number, percent = (text[:-1], 100.0) if text.endswith("%") else (text, 1.0)
    try:
        share = float(number) / percent
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise BadInput(f"{flag} {text!r}: it takes a share below 1, as in 5% or 0.05")
    return share


def measures_of(texts: Sequence[str], *, gateways: bool) -> tuple[Measure, ...]:
    """The measures of these names; of none, the primary ones. Raises BadInput."""
    return tuple(measure_of(text) for text in texts) or primary_of(gateways=gateways)


def measure_of(text: str) -> Measure:
    """What `ttft.p99` means. Raises BadInput."""
    metric, _, statistic = text.partition(".")
    if metric not in METRICS:
        raise BadInput(f"--measure {text!r}: there is no metric {metric!r}: it takes {', '.join(METRICS)}")
    if statistic not in METRICS[metric].statistics:
        raise BadInput(f"--measure {text!r}: {metric} has {', '.join(METRICS[metric].statistics)}, as in ttft.p50")
    return metric, statistic
