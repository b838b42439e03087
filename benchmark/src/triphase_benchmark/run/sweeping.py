"""The course of a sweep: load after load, chosen by what the ones before it did to the engines.

Its rule: an engine is saturated in an open loop where it kept less than 0.9 of the rate that was offered, in a closed
one where more places brought less than a tenth of their share in throughput, and in both where more than one in twenty
requests failed. Loads are rounds of one plan, so their prompts are all different.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from triphase_benchmark.plan.loads import AnyLoad, ClosedLoad, ConstantLoad, Duration, PoissonLoad, Requests
from triphase_benchmark.plan.making import more_rounds
from triphase_benchmark.plan.values import Load, Plan
from triphase_benchmark.run.bracketing import Bracketing, Tried
from triphase_benchmark.run.conducting import Stage

KINDS = ("poisson", "constant", "closed")
_KEPT = 0.9
_GAIN = 0.1
_MOST_FAILED = 0.05
# Of a closed loop: each place is taken so often, and there are so many requests at least.
_TIMES = 4
_LEAST = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSeen:
    """What an engine did at a load. `latency_s`: the median; `rate`: answers per second, since the first was due."""

    failed: float
    latency_s: float
    rate: float
    span_s: float
    done_s: float


# A round without an answer, which goes on for ever.
_NOTHING = LoadSeen(failed=1.0, latency_s=inf, rate=0.0, span_s=0.0, done_s=inf)


@dataclass(slots=True)
class SweepCourse:
    """`kind`: one of `KINDS`. `rounds`: at each load. `seconds`: of a round in an open loop."""

    bracketing: Bracketing
    kind: str
    rounds: int
    seconds: float
    tried: list[Tried] = field(default_factory=list, init=False)
    _seen: dict[tuple[float, str], LoadSeen] = field(default_factory=dict, init=False)

    def __call__(self, stage: Stage) -> None:
        """Tries loads until nothing more is to be learnt. Raises BrokeOff."""
        stage.manifest["sweep"] = []
        done = 0
        while (load := self.bracketing.following(self.tried)) is not None:
            plan = self._with(stage, load) if self.tried else stage.plan
            stage.grow(plan)
            new = plan.rounds[done:]
            done = len(plan.rounds)
            stage.manifest["sweep"].append({"value": load, "rounds": [one.number for one in new]})
            stage.legs.run(new, load=plan.load, places=int(load) if plan.load is Load.CLOSED else None)
            self._look(load, [one.number for one in new], stage.folder.read_requests())
            stage.manifest["sweep"][-1]["saturated"] = sorted(self.tried[-1].saturated)

    def _with(self, stage: Stage, load: float) -> Plan:
        wish = replace(stage.wish, load=load_of_kind(self.kind, load), **amounts(self.kind, load, self.seconds))
        return more_rounds(wish, stage.plan, self.rounds)

    def _look(self, load: float, rounds: Sequence[int], requests: pa.Table) -> None:
        here = requests.filter(pc.is_in(requests["round"], pa.array(rounds, pa.int32())))
        saturated = set()
        for engine in self.bracketing.engines:
            seen = middle_of([seen_in(here, number, engine) for number in rounds])
            lower = {at: one for (at, name), one in self._seen.items() if name == engine and at < load}
            self._seen[load, engine] = seen
            if is_saturated(self.kind, load, seen, lower):
                saturated.add(engine)
        self.tried.append(Tried(load=load, saturated=frozenset(saturated)))


def is_saturated(kind: str, load: float, seen: LoadSeen, lower: Mapping[float, LoadSeen]) -> bool:
    """Whether an engine gives in at a load; `lower`: what it did at the loads below, by load."""
    if seen.failed > _MOST_FAILED:
        return True
    answered = {at: one for at, one in lower.items() if one.rate}
    if kind != "closed":
        idle_s = min([one.latency_s for one in answered.values()], default=seen.latency_s)
        return seen.span_s < _KEPT * (seen.done_s - idle_s)
    if not answered:
        return False
    before = max(answered)
    return seen.rate < answered[before].rate * (1 + _GAIN * (load / before - 1))


def load_of_kind(kind: str, load: float) -> AnyLoad:
    """One load of a sweep."""
    if kind == "closed":
        return ClosedLoad(concurrency=int(load))
    return ConstantLoad(rate=load) if kind == "constant" else PoissonLoad(rate=load)


def amounts(kind: str, load: float, seconds: float) -> Mapping[str, Any]:
    """How much is measured at a load, and how much comes before."""
    if kind == "closed":
        return {"measured": Requests(count=max(_TIMES * int(load), _LEAST)), "warm_up": Requests(count=int(load))}
    return {"measured": Duration(ns=round(seconds * 1e9)), "warm_up": Duration(ns=round(seconds * 1e9 / 5))}


def seen_in(requests: pa.Table, number: int, engine: str) -> LoadSeen:
    """What an engine did in one round, warm-up left out."""
    own = requests.filter(
        pc.and_(
            pc.and_(pc.equal(requests["round"], number), pc.equal(requests["engine"], engine)),
            pc.invert(requests["warm_up"]),
        )
    )
    well = own.filter(pc.and_(pc.is_null(own["error"]), pc.is_valid(own["ended"])))
    if not well.num_rows:
        return _NOTHING
    ended, sent = (np.asarray(well[name].to_numpy(), np.float64) / 1e9 for name in ("ended", "sent"))
    every = np.asarray(own["scheduled"].to_numpy(), np.float64) / 1e9
    done_s = float(ended.max() - every.min())
    return LoadSeen(
        failed=1 - well.num_rows / own.num_rows,
        latency_s=float(np.median(ended - sent)),
        rate=well.num_rows / done_s if done_s else 0.0,
        span_s=float(every.max() - every.min()),
        done_s=done_s,
    )


def middle_of(legs: Sequence[LoadSeen]) -> LoadSeen:
    """The middle of several rounds, by how long they went on after their last request; of two, the longer."""
    return sorted(legs, key=lambda leg: leg.done_s - leg.span_s)[len(legs) // 2]
