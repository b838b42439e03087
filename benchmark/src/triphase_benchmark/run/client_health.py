"""Whether the client is fast enough for this run: what is calibrated for, displayed, and judged at the end.

Its rule: it is calibrated before the run for the load that the plan lets expect, and again after it where the run
brought more; it must do well each time. The verdict is `client/calibration.py`'s; its medians are those of the
latencies that single chunks decide, since a lag at either end of a long answer is nothing to its length. A display
says what is known so far, by means; only the end decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from triphase_benchmark.client.calibration import Calibration, ClientLoad, ClientVerdict, is_held, judge_client
from triphase_benchmark.metrics.turns import Stored, turns_of
from triphase_benchmark.plan.values import Load, Plan
from triphase_benchmark.report.progress import EngineProgress
from triphase_benchmark.statistics.percentiles import percentiles

_JUDGED = ("ttft", "ttfa", "e2e", "icl")
# What is expected of an engine that nobody has seen yet: events per second of each stream, and until its first.
_EVENTS = 100.0
_FIRST_S = 0.5
_TOKENS = 256
_MOST_STREAMS = 2000
# Beyond this a calibration is made again.
_MOST_BEYOND = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a run really put on its client: the most of any leg."""

    streams: int
    events_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSoFar:
    """What a display says of the client while the run goes on. `gateways`: names of the engines asked over gRPC."""

    calibrations: Sequence[Calibration]
    gateways: frozenset[str]

    @property
    def lag_s(self) -> float | None:
        """The worst p99 of any calibration that had events."""
        return max((one.lag_p99 for one in self.calibrations if one.events), default=None)

    def ok(self, engines: Sequence[EngineProgress], *, cpu_share: float) -> bool | None:
        """Whether it keeps up, by what engines did so far; `None` while there is nothing to hold its lag against.

        That a run brings more than was calibrated for is no reason here: for that it is calibrated again.
        """
        found = [self._running(one, engines) for one in self.calibrations]
        for one, running in zip(self.calibrations, found, strict=True):
            judged = judge_client(one, medians=running, events_per_s=0.0, cpu_share=cpu_share)
            if not judged.client_ok or not (running or is_held(one)):
                return False
        return True if any(found) else None

    def _running(self, calibration: Calibration, engines: Sequence[EngineProgress]) -> dict[str, float]:
        own = [one for one in engines if (one.name in self.gateways) is calibration.gateway]
        least = {
            "ttft": min((one.ttft_s for one in own if one.ttft_s), default=None),
            "icl": min((one.itl_s for one in own if one.itl_s), default=None),
        }
        return {name: value for name, value in least.items() if value is not None}


def expected(plan: Plan, *, duration_s: float = 2.0) -> ClientLoad:
    """The load that a plan lets expect, all streams in step, as engines that batch send."""
    return ClientLoad(streams=_streams(plan), events_per_s=_EVENTS, duration_s=duration_s)


def beyond(brought: Brought, load: ClientLoad) -> ClientLoad | None:
    """The load to calibrate for again; `None` where what was calibrated for was enough."""
    if brought.events_per_s <= _MOST_BEYOND * load.offered and brought.streams <= _MOST_BEYOND * load.streams:
        return None
    streams = max(brought.streams, 1)
    return ClientLoad(
        streams=streams, events_per_s=max(brought.events_per_s / streams, 1.0), duration_s=load.duration_s
    )


def brought_by(requests: Stored) -> Brought:
    """What a table REQUESTS put on its client."""
    loads = [load for turn in turns_of(requests, ("sent", "ended", "chunk_times")) if (load := _of_leg(turn.requests))]
    return Brought(
        streams=max((load.streams for load in loads), default=0),
        events_per_s=max((load.events_per_s for load in loads), default=0.0),
    )


def worst(
    calibrations: Sequence[Calibration],
    rounds: pa.Table,
    *,
    brought: Brought,
    cpu_share: float,
    gateways: frozenset[str] = frozenset(),
) -> tuple[Calibration, ClientVerdict]:
    """The first calibration by which the client is not good enough for this run, or else the last, with its verdict.

    Each is held against the rounds of those that are asked by its transport.
    """
    *earlier, last = calibrations
    for one in earlier:  # which need not have foreseen how much would come
        less = replace(brought, events_per_s=min(brought.events_per_s, one.load.offered))
        judged = verdict(one, _asked_by(one, rounds, gateways), brought=less, cpu_share=cpu_share)
        if not judged.client_ok:
            return one, judged
    return last, verdict(last, _asked_by(last, rounds, gateways), brought=brought, cpu_share=cpu_share)


def _asked_by(calibration: Calibration, rounds: pa.Table, gateways: frozenset[str]) -> pa.Table:
    ones = pc.is_in(rounds["engine"], pa.array(sorted(gateways), pa.string()))
    return rounds.filter(ones if calibration.gateway else pc.invert(ones))


def verdict(calibration: Calibration, rounds: pa.Table, *, brought: Brought, cpu_share: float) -> ClientVerdict:
    """Judges the client of a run by its table ROUNDS."""
    return judge_client(
        calibration,
        medians=dict(_medians(rounds)),
        events_per_s=brought.events_per_s,
        cpu_share=cpu_share,
    )


def as_json(calibration: Calibration | None, judged: ClientVerdict | None, why: str = "") -> dict[str, Any]:
    """Its part of the manifest; `why`: it could not be judged."""
    told: dict[str, Any] = {"client_ok": None, "why": why or None}
    if calibration is not None:
        told |= asdict(calibration)
        told |= {f"lag_{name}_s": _number(told.pop(f"lag_{name}")) for name in ("p50", "p99", "max")}
    if judged is not None:
        told |= {"client_ok": judged.client_ok, "most_share": judged.most_share, "shares": dict(judged.shares)}
        told["why"] = "; ".join(judged.reasons) or None
    return told


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _streams(plan: Plan) -> int:
    if plan.load is Load.CLOSED:
        return max(plan.concurrency or 1, 1)
    lengths = [one.prompt.output_tokens or _TOKENS for round_ in plan.rounds for one in round_.requests]
    seconds = _FIRST_S + float(np.mean(lengths)) / _EVENTS
    rates = [_rate([one.scheduled_ns or 0 for one in round_.requests]) for round_ in plan.rounds]
    return min(max(ceil(max(rates) * seconds), 1), _MOST_STREAMS)


def _rate(times_ns: list[int]) -> float:
    span_s = (max(times_ns) - min(times_ns)) / 1e9
    return len(times_ns) / span_s if span_s > 0 else float(len(times_ns))


def _of_leg(requests: pa.Table) -> Brought | None:
    """The most at once, and events per second of the whole leg; `None` where nothing was sent and ended."""
    table = requests.filter(pc.and_(pc.is_valid(requests["sent"]), pc.is_valid(requests["ended"])))
    if not table.num_rows:
        return None
    sent, ended = table["sent"].to_numpy(), table["ended"].to_numpy()
    moments = np.concatenate([sent, ended])
    steps = np.concatenate([np.ones(len(sent), np.int64), -np.ones(len(ended), np.int64)])
    most = int(steps[np.lexsort([steps, moments])].cumsum().max())
    span_s = float(ended.max() - sent.min()) / 1e9
    events = pc.sum(pc.list_value_length(table["chunk_times"])).as_py() or 0
    return Brought(streams=most, events_per_s=events / span_s if span_s > 0 else 0.0)


def _medians(rounds: pa.Table) -> Iterable[tuple[str, float]]:
    """Of each judged metric, the least of any engine's middle round, by its name."""
    rows = rounds.to_pylist()
    for metric in _JUDGED:
        values: dict[str, list[float]] = {}
        for row in rows:
            if (row["metric"], row["statistic"]) == (metric, "p50") and row["value"] and row["void"] is None:
                values.setdefault(row["engine"], []).append(row["value"])
        if values:
            yield metric, min(percentiles(np.array(one), [0.5])[0] for one in values.values())
