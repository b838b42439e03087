"""From the table of requests to the table of rounds, and to the table of errors.

Its rule of void rounds: the round of an engine does not count if none of its requests was measured, if more than half
of them failed or were never sent, if all of the last tenth were (the engine has died, or the run was stopped), or if no
answer ended in its steady window. It is reported with all its values, and the pairs that it belongs to are dropped.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

import numpy as np
import pyarrow as pa

from triphase_benchmark.engines.engine import Price
from triphase_benchmark.metrics.catalog import FLOORS, METRICS, SHARES, Metric
from triphase_benchmark.metrics.rates import NOTHING_MEASURED, Conditions, Rate, ended_in, window_of
from triphase_benchmark.metrics.requests import COLUMNS, Floats, Requests, read
from triphase_benchmark.metrics.tables import ERRORS, ROUNDS
from triphase_benchmark.metrics.turns import Stored, turns_of
from triphase_benchmark.plan.values import Load
from triphase_benchmark.statistics.percentiles import percentiles
from triphase_benchmark.statistics.steadiness import Window

_FEWEST_TO_DIE = 10  # in a row, at the end of a round

_Row = dict[str, object]


def rounds_of(
    requests: Stored,
    *,
    load: Load,
    slos: Mapping[str, float] | None = None,
    prices: Mapping[str, Price] | None = None,
) -> pa.Table:
    """Returns the table `ROUNDS` of a table `REQUESTS`, by round, and by engine within it.

    Args:
        requests: All requests of a run, or of some of its rounds; of a dataset no more is held than a turn or a few.
        load: How they came.
        slos: Upper bounds of measures in seconds, by name.
        prices: Of engines, by name.

    Raises:
        ValueError: If an objective bounds what cannot be bounded.
    """
    of_all = Conditions(load=load, slos=slos or {})
    rows: dict[tuple[int, str], list[_Row]] = {}
    for turn in turns_of(requests, COLUMNS):
        columns = read(turn.requests)
        conditions = replace(of_all, window=window_of(columns), price=(prices or {}).get(turn.engine))
        place = {"round": turn.round, "engine": turn.engine, "void": void_reason(columns, conditions.window)}
        rows[turn.round, turn.engine] = [
            place | {"metric": metric.name} | row
            for metric in METRICS.values()
            for row in _values(metric, columns, conditions)
        ]
    return pa.Table.from_pylist([row for turn in sorted(rows) for row in rows[turn]], schema=ROUNDS)


def errors_of(requests: Stored) -> pa.Table:
    """Returns the table `ERRORS` of a table `REQUESTS`."""
    rows: list[_Row] = []
    for turn in turns_of(requests, ("warm_up", "error")):
        measured = turn.requests.filter(np.logical_not(turn.requests["warm_up"].to_numpy()))
        counts = measured["error"].drop_null().value_counts()
        for kind, count in ((entry["values"].as_py(), entry["counts"].as_py()) for entry in counts):
            row: _Row = {"round": turn.round, "engine": turn.engine, "kind": kind, "count": count}
            rows.append(row | {"share": count / measured.num_rows})
    return pa.Table.from_pylist(rows, schema=ERRORS).sort_by(
        [(name, "ascending") for name in ("round", "engine", "kind")]
    )


def void_reason(requests: Requests, window: Window | None) -> str | None:
    """Returns why a round does not count, in words; `None` if it does."""
    total = int(requests.measured.sum())
    failed = ~requests.answered[requests.measured]
    if not total:
        return "no request was measured"
    became = "failed or were never sent" if requests.unsent[requests.measured].any() else "failed"
    if failed.sum() > total / 2:
        return f"{failed.sum()} of {total} requests {became}"
    last = max(_FEWEST_TO_DIE, ceil(total / 10))
    if total >= last and failed[np.argsort(requests.scheduled[requests.measured], kind="stable")][-last:].all():
        return f"the last {last} requests {became}"
    if window is not None and not ended_in(requests, window).any():
        return "nothing ended in the steady window: the round is too short, or the engine hangs"
    return None


def _values(metric: Metric, requests: Requests, conditions: Conditions) -> list[_Row]:
    if metric.rate is not None:
        return [_of_rate(name, metric.rate(requests, conditions)) for name in metric.statistics]
    assert metric.sample is not None
    return _of_sample(metric.statistics, metric.sample(requests))


def _of_rate(statistic: str, rate: Rate) -> _Row:
    return {"statistic": statistic, "value": rate.value, "n": rate.n, "undefined": rate.undefined}


def _of_sample(statistics: tuple[str, ...], values: Floats) -> list[_Row]:
    """One row for each statistic; a percentile of too few values is null."""
    n = values.size
    told = [name for name in statistics if name in SHARES and n >= FLOORS[name]]
    found = dict(zip(told, percentiles(values, [SHARES[name] for name in told]) if told else [], strict=True))
    if n:
        found["mean"] = float(values.mean())
    return [
        {"statistic": name, "value": found.get(name), "n": n, "undefined": None if name in found else _why(name, n)}
        for name in statistics
    ]


def _why(statistic: str, n: int) -> str:
    return f"n < {FLOORS[statistic]}" if n and statistic in FLOORS else NOTHING_MEASURED
