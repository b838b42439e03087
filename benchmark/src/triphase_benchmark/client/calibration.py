"""How late the client is under a load like the run's, and whether that is little enough to trust the run.

Its rule: the verdict is a pure function of what was measured (`judge_client`), states its share, and gives each reason
by name. `calibrate` puts the same load on the null engine, by the same workers on the same cores; what it finds is kept
with the run. A lag is the client's time of a chunk less the engine's time of sending it.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from triphase_benchmark.client.crew import Crew, LegEnd
from triphase_benchmark.client.lags import LAGS
from triphase_benchmark.client.leg import Leg
from triphase_benchmark.client.null_engine import MEMBER, MODEL, NullEngine
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.values import Load, Message, PlannedRequest, Prompt
from triphase_benchmark.records.folder import RunFolder, whole_batches

# The most that p99 of the lag may be, as a share of a metric's median.
DEFAULT_SHARE = 0.05
# The lag at which a client is at its ceiling.
MOST_LAG_S = 0.010
# Of what was offered, what must have arrived in time; less, and the client was the bottleneck.
_LEAST_ACHIEVED = 0.95
# Of a core: a worker that uses more has no time left for what comes unevenly.
_MOST_CPU = 0.9
# How much more than it was calibrated for a run may bring.
_MOST_BEYOND = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLoad:
    """A load on the client alone: streams at once, each with so many events a second, for so long.

    `in_step`: all streams send at the same moments, as an engine that batches does; the hardest case for a client.
    """

    streams: int
    events_per_s: float
    duration_s: float = 3.0
    in_step: bool = True

    @property
    def offered(self) -> float:
        """Events per second of all streams."""
        return self.streams * self.events_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the client did under a load; lags in seconds, `cpu_share` of a core by the busiest worker."""

    load: ClientLoad
    workers: int
    events: int
    achieved: float  # events per second
    lag_p50: float
    lag_p99: float
    lag_max: float
    cpu_share: float
    errors: int
    gateway: bool = False  # over gRPC, as gateways are asked

    @property
    def per_core(self) -> float:
        """Events per second of each worker."""
        return self.achieved / self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientVerdict:
    """Whether a run's figures are the engines' and not the client's. `shares`: lag p99 / median, by metric."""

    client_ok: bool
    most_share: float
    shares: Mapping[str, float]
    reasons: tuple[str, ...]


def judge_client(
    calibration: Calibration,
    *,
    medians: Mapping[str, float | None],
    events_per_s: float,
    cpu_share: float,
    most_share: float = DEFAULT_SHARE,
) -> ClientVerdict:
    """Judges a run by its calibration.

    Args:
        calibration: Of the same client, on the same machine.
        medians: In seconds, of each metric that is reported; `None`, where there is none, is not judged.
        events_per_s: What the run itself brought.
        cpu_share: Of a core, what the busiest worker used in the run.
        most_share: Of a metric's median, the most that p99 of the lag may be.
    """
    shares = {name: calibration.lag_p99 / median for name, median in medians.items() if median}
    over = " over gRPC" if calibration.gateway else ""
    reasons = [
        f"p99 of the client's lag{over} ({_ms(calibration.lag_p99)}) is {share:.1%} of the median {name}, more than"
        f" {most_share:.1%}"
        for name, share in shares.items()
        if not share <= most_share  # of no lags at all it is NaN
    ]
    if not calibration.events or calibration.errors:
        reasons.append(f"the calibration itself failed: {calibration.errors} errors, {calibration.events} events")
    if calibration.achieved < _LEAST_ACHIEVED * calibration.load.offered:
        reasons.append(
            f"of {calibration.load.offered:.0f} events/s that it was sent, the client took {calibration.achieved:.0f}"
        )
    if events_per_s > _MOST_BEYOND * calibration.load.offered:
        reasons.append(
            f"the run brought {events_per_s:.0f} events/s, and the client was calibrated for"
            f" {calibration.load.offered:.0f}"
        )
    if max(cpu_share, calibration.cpu_share) > _MOST_CPU:
        reasons.append(f"a worker used {max(cpu_share, calibration.cpu_share):.0%} of a core")
    return ClientVerdict(client_ok=not reasons, most_share=most_share, shares=shares, reasons=tuple(reasons))


def calibrate(load: ClientLoad, *, workers: int, engine: Engine | None = None, gateway: bool = False) -> Calibration:
    """Puts a load on a null engine, or on one that runs already; takes the load's duration and a second or two.

    `gateway`: by the transport that gateways are asked by.
    """
    if engine is not None:
        return _calibrate(load, workers, engine)
    with _null(gateway=gateway) as null:
        return _calibrate(load, workers, null_target(null))


def _null(*, gateway: bool) -> NullEngine:
    if not gateway:
        return NullEngine()
    from triphase_benchmark.client.null_gateway import NullGateway  # noqa: PLC0415 - loads gRPC

    return NullGateway()


def null_target(null: NullEngine) -> Engine:
    """A null engine as one of a run."""
    return Engine(name=MODEL, url=null.url, model=MODEL)


def climb(loads: Sequence[ClientLoad], *, workers: int, engine: Engine) -> list[Calibration]:
    """Tries loads, smallest first, up to the first that is not held, and with it."""
    found: list[Calibration] = []
    for load in loads:
        found.append(calibrate(load, workers=workers, engine=engine))
        if not is_held(found[-1]):
            break
    return found


def is_held(one: Calibration) -> bool:
    """Whether p99 of the lag stayed below 10 ms, with nothing lost."""
    return one.lag_p99 <= MOST_LAG_S and not one.errors


def ceiling(found: Sequence[Calibration]) -> float:
    """The most events per second that arrived in a load that was held; 0 where none was."""
    return max((one.achieved for one in found if is_held(one)), default=0.0)


def summarize(lags: pa.Table, *, load: ClientLoad, end: LegEnd, workers: int) -> Calibration:
    """Makes figures of the rows of LAGS; warm-up is left out."""
    kept = lags.filter(pc.invert(lags["warm_up"]))
    values = kept["lags"].combine_chunks().flatten().to_numpy() / 1e9
    times = kept["times"].combine_chunks().flatten().to_numpy()
    seconds = float(times.max() - times.min()) / 1e9 if len(times) > 1 else 0.0
    p50, p99 = np.quantile(values, [0.5, 0.99], method="inverted_cdf") if len(values) else (np.nan, np.nan)
    return Calibration(
        load=load,
        workers=workers,
        events=len(values),
        achieved=len(values) / seconds if seconds else 0.0,
        lag_p50=float(p50),
        lag_p99=float(p99),
        lag_max=float(values.max()) if len(values) else np.nan,
        cpu_share=end.cpu_share,
        errors=kept["error"].drop_null().length(),
    )


def _calibrate(load: ClientLoad, workers: int, engine: Engine) -> Calibration:
    workers = min(workers, load.streams)
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder(Path(place))
        with Crew(folder, workers=workers, lags=True) as crew:
            end = crew.run(_leg(load, engine))
        batches = [batch for worker in range(workers) for batch in whole_batches(folder.part(worker), LAGS)]
    found = summarize(pa.Table.from_batches(batches, LAGS), load=load, end=end, workers=workers)
    return replace(found, gateway=engine.is_gateway)


def _leg(load: ClientLoad, engine: Engine) -> Leg:
    """One long answer for each stream; their first events are spread, unless they go in step."""
    tokens = max(round(load.events_per_s * load.duration_s), 1)
    interval_us = round(1e6 / load.events_per_s)
    requests = []
    for number in range(load.streams):
        first_us = 0 if load.in_step else interval_us * number // load.streams
        how = {"tokens": tokens, "interval_us": interval_us, "first_us": first_us, "in_step": load.in_step}
        prompt = Prompt(
            id=f"calibration-{number}",
            messages=(Message(role="user", content="calibration"),),
            output_tokens=tokens,
            extra_body={MEMBER: how},
        )
        requests.append(PlannedRequest(number=number, prompt=prompt, scheduled_ns=None))
    return Leg(
        round=0,
        place_in_round=0,
        engine=engine,
        model=MODEL,
        load=Load.CLOSED,
        places=load.streams,
        requests=tuple(requests),
        limit_s=load.duration_s * 4 + 10,
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
