"""What a report is made of: the one value that all pages take.

Its rule: a report reads and never measures. The requests stay a dataset, which is scanned in batches, since a run may
hold millions; the tables that were computed are small, and taken apart into rows here. A manifest may be of another
hand or not whole, so each fact that it lacks is `None` and shown as unknown, and never a reason to fail.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.dataset as ds

from triphase_benchmark.metrics.catalog import OF_GATEWAYS

_PICTURED: Final = {
    *(
        ("ttft", "p50"),
        ("ttft", "p90"),
        ("ttft", "p99"),
        ("ttfa", "p50"),
        ("tpot", "p50"),
        ("icl", "p50"),
        ("itl", "p99"),
    ),
    *(("e2e", "p50"), ("e2e", "p99"), ("output_throughput", "rate"), ("goodput", "rate")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """One engine, as the manifest has it. `simulated`: its speed is made up, and whatever is shown of it says so.

    `label`: what tables and pictures call it, where that is not its name (`labelled.py`).
    """

    name: str
    label: str | None = None
    url: str | None = None
    profile: str | None = None
    model: str | None = None
    version: str | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far the client can be trusted. `client_ok`: `None` where nobody looked. `why`: what its verdict says."""

    client_ok: bool | None = None
    lag_p50_s: float | None = None
    lag_p99_s: float | None = None
    lag_max_s: float | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPoint:
    """One load of a sweep, in requests per second or requests at once, and the rounds that were run at it.

    `saturated`: the engines that could not keep up; `None` where nobody judged, as when the run ended amid it.
    """

    value: float
    rounds: tuple[int, ...]
    saturated: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the manifest tells. `slo`: the most that each measure may take, seconds. `sweep`: empty in a plain run.

    `problems` make figures wrong; `notes` are what one should know of the engines. `planned_reuse`: the share of what
    is asked that the plan itself repeats.
    """

    tool_version: str | None
    seed: int | None
    argv: tuple[str, ...]
    load: str | None
    workload: str | None
    cache: str | None
    planned_reuse: float | None
    engines: tuple[EngineFacts, ...]
    machine: Mapping[str, str]
    calibration: Calibration
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    slo: Mapping[str, float]
    sweep: tuple[LoadPoint, ...]

    @property
    def simulated(self) -> tuple[str, ...]:
        """The names of the engines whose speed is made up."""
        return tuple(engine.name for engine in self.engines if engine.simulated)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundValue:
    """One row of the table ROUNDS: one statistic of a metric of an engine. `undefined`: why it has no value."""

    round: int
    engine: str
    metric: str
    statistic: str
    value: float | None
    n: int
    void: str | None
    undefined: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One row of the table COMPARISON: one statistic of one engine as a multiple of the baseline's."""

    metric: str
    statistic: str
    baseline: str
    engine: str
    ratio: float | None
    low: float | None
    high: float | None
    confidence: float
    p_value: float | None
    p_holm: float | None
    rounds: int
    ratios: tuple[float | None, ...]
    better: str
    verdict: str
    paired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One row of the table ERRORS: how many requests of an engine failed in one way in a round, and which share."""

    round: int
    engine: str
    kind: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """A whole run. `requests` has the columns of `REQUESTS`; `manifest` is kept as it was read, for the raw JSON."""

    facts: Facts
    manifest: Mapping[str, Any]
    requests: ds.Dataset
    rounds: tuple[RoundValue, ...]
    comparison: tuple[Compared, ...]
    errors: tuple[Failed, ...]

    @property
    def engines(self) -> tuple[str, ...]:
        """All names, the manifest's first, in its order: the order of every table and legend."""
        named = [engine.label or engine.name for engine in self.facts.engines]
        measured = [row.engine for row in self.rounds]
        return tuple(dict.fromkeys([*named, *measured]))

    @property
    def pictured(self) -> tuple[Compared, ...]:
        """What of the comparison fits a picture: the usual measures, and the primary ones, which Holm corrected.

        Error rates are left out: ratios of a few failures would stretch the axis for all others.
        """
        some = [row for row in self.comparison if row.p_holm is not None or (row.metric, row.statistic) in _PICTURED]
        return tuple(some) or self.comparison

    @property
    def primary(self) -> tuple[Compared, ...]:
        """What a sentence says: the primary measures; without any, what is pictured."""
        return tuple(row for row in self.comparison if row.p_holm is not None) or self.pictured

    @property
    def usual(self) -> tuple[RoundValue, ...]:
        """What of the rounds fits a terminal: the usual measures, the phases of gateways and all rates."""
        told = _PICTURED | {(phase, "p50") for phase in OF_GATEWAYS}
        return tuple(row for row in self.rounds if row.statistic == "rate" or (row.metric, row.statistic) in told)

    @property
    def void(self) -> Mapping[tuple[int, str], str]:
        """Why a round of an engine does not count, by round and engine."""
        return {(row.round, row.engine): row.void for row in self.rounds if row.void is not None}


def inputs_of(
    manifest: Mapping[str, Any],
    *,
    requests: pa.Table | ds.Dataset,
    rounds: pa.Table,
    comparison: pa.Table,
    errors: pa.Table,
) -> Inputs:
    """Takes the tables of a run apart. Raises `KeyError` where one that is computed lacks a column."""
    return Inputs(
        facts=facts_of(manifest),
        manifest=manifest,
        requests=requests if isinstance(requests, ds.Dataset) else ds.dataset(requests),
        rounds=tuple(_rows(RoundValue, rounds)),
        comparison=tuple(_rows(Compared, comparison)),
        errors=tuple(_rows(Failed, errors)),
    )


_Row = TypeVar("_Row", RoundValue, Compared, Failed)


def _rows(kind: type[_Row], table: pa.Table) -> Iterable[_Row]:
    optional = {field.name for field in fields(kind) if field.default is not MISSING} - set(table.column_names)
    names = [field.name for field in fields(kind) if field.name not in optional]
    for row in table.select(names).to_pylist():
        told: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
        yield kind(**told)


def facts_of(manifest: Mapping[str, Any]) -> Facts:
    """What the manifest tells; `None` or nothing where it does not."""
    return Facts(
        tool_version=_text(manifest.get("tool_version")),
        seed=manifest.get("seed"),
        argv=tuple(str(word) for word in manifest.get("argv") or ()),
        load=_text(manifest.get("load")),
        workload=_text(manifest.get("workload")),
        cache=_text(manifest.get("cache")),
        planned_reuse=manifest.get("planned_reuse"),
        engines=tuple(_engine(engine) for engine in manifest.get("engines") or ()),
        machine={str(key): str(value) for key, value in (manifest.get("machine") or {}).items()},
        calibration=_known(Calibration, manifest.get("calibration") or {}),
        problems=tuple(str(problem) for problem in manifest.get("problems") or ()),
        notes=tuple(str(note) for note in manifest.get("notes") or ()),
        slo={str(name): float(most) for name, most in (manifest.get("slo") or {}).items()},
        sweep=tuple(_point(point) for point in manifest.get("sweep") or ()),
    )


def _point(told: Mapping[str, Any]) -> LoadPoint:
    saturated = told.get("saturated")
    return LoadPoint(
        value=float(told["value"]),
        rounds=tuple(told["rounds"]),
        saturated=None if saturated is None else frozenset(map(str, saturated)),
    )


def _engine(told: Mapping[str, Any]) -> EngineFacts:
    texts = {name: _text(told.get(name)) for name in ("url", "profile", "model", "version")}
    return EngineFacts(name=str(told.get("name")), simulated=bool(told.get("simulated")), **texts)


def _known(kind: type[Calibration], told: Mapping[str, Any]) -> Calibration:
    return kind(**{field.name: told[field.name] for field in fields(kind) if field.name in told})


def _text(value: object) -> str | None:
    return None if value is None else str(value)
