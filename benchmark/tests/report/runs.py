"""Runs as a harness would have measured them, drawn from a seed: what the tests of the report show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from triphase_benchmark.metrics.rounds import errors_of
from triphase_benchmark.metrics.tables import COMPARISON, ROUNDS
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.report.inputs import Inputs, inputs_of

NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast an engine of these runs is, in seconds."""

    ttft_s: float = 0.080
    gap_s: float = 0.012
    thoughts: float = 0.3
    gateway: bool = False


SPEEDS = {"vllm": Speed(), "friendli": Speed(ttft_s=0.066, gap_s=0.0118)}


def requests(
    *, speeds: Mapping[str, Speed] = SPEEDS, rounds: int = 8, each: int = 150, chunks: int = 40, seed: int = 7
) -> pa.Table:
    """The table of a run in which each engine has `each` requests a round, one in fifty of which fails."""
    rng = np.random.default_rng(seed)
    turns = ((number, place, name) for number in range(rounds) for place, name in enumerate(speeds))
    return pa.Table.from_batches([_turn(rng, turn, speeds[turn[2]], each, chunks) for turn in turns], schema=REQUESTS)


def _turn(rng: np.random.Generator, turn: tuple[int, int, str], speed: Speed, each: int, chunks: int) -> pa.RecordBatch:
    number, place, name = turn
    begin = (number * 20 + place * 9) * NS
    scheduled = begin + (np.sort(rng.uniform(0, 6, each)) * NS).astype(np.int64)
    sent = scheduled + (rng.exponential(1e-4, each) * NS).astype(np.int64)
    ttft = speed.ttft_s * rng.lognormal(0, 0.25, each)
    steps = speed.gap_s * rng.lognormal(0, 0.2, (each, chunks - 1))
    after = np.concatenate([ttft[:, None], ttft[:, None] + np.cumsum(steps, axis=1)], axis=1)
    times = sent[:, None] + (after * NS).astype(np.int64)
    failed = rng.uniform(size=each) < 0.02
    offsets = pa.array(np.arange(each + 1) * chunks, pa.int32())
    output = np.tile(np.arange(chunks) >= round(chunks * speed.thoughts), each)

    def phase(at: Any) -> Any:
        return pa.array(at.astype(np.int64)) if speed.gateway else pa.nulls(each, pa.int64())

    columns: dict[str, Any] = {
        "round": np.full(each, number, np.int32),
        "place_in_round": np.full(each, place, np.int32),
        "engine": [name] * each,
        "host": ["here"] * each,
        "worker": np.zeros(each, np.int32),
        "request": np.arange(each, dtype=np.int32),
        "prompt": [f"{number}-{index}" for index in range(each)],
        "warm_up": np.arange(each) < 3,
        "scheduled": scheduled,
        "sent": sent,
        "responded": sent + int(0.9 * speed.ttft_s * NS),
        "ended": times[:, -1] + 200_000,
        "chunk_times": pa.ListArray.from_arrays(offsets, pa.array(times.ravel())),
        "chunk_tokens": pa.ListArray.from_arrays(offsets, pa.array(np.ones(each * chunks, np.int32))),
        "chunk_output": pa.ListArray.from_arrays(offsets, pa.array(output)),
        "shared_reads": np.zeros(each, np.int32),
        "accepted": phase(sent + 0.002 * NS),
        "prompt_summary": phase(sent + 0.003 * NS * rng.lognormal(0, 0.3, each)),
        "reasoning_summary": phase(times[:, 0] + 0.1 * NS),
        "input_tokens": np.full(each, 128, np.int32),
        "cached_tokens": np.zeros(each, np.int32),
        "output_tokens": np.full(each, chunks, np.int32),
        "reasoning_tokens": np.full(each, round(chunks * speed.thoughts), np.int32),
        "usage_is_estimate": np.zeros(each, bool),
        "asked_tokens": np.full(each, chunks, np.int32),
        "reasoning_characters": np.full(each, 60, np.int32),
        "output_characters": np.full(each, 140, np.int32),
        "finish_reason": ["stop"] * each,
        "status": np.full(each, 200, np.int32),
        "error": pa.array(["reset" if bad else None for bad in failed]),
        "error_detail": pa.array(["connection reset by peer" if bad else None for bad in failed]),
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in REQUESTS]
    return pa.RecordBatch.from_arrays(arrays, schema=REQUESTS)


# Metric, statistic, unit of the first engine, better, and how the second compares with it.
MEASURES = (
    ("ttft", "p50", 0.080, "lower", 0.82),
    ("ttft", "p90", 0.110, "lower", 0.85),
    ("ttfa", "p50", 0.230, "lower", 0.97),
    ("tpot", "p50", 0.0121, "lower", 0.985),
    ("itl", "p99", 0.019, "lower", 1.002),
    ("e2e", "p50", 0.560, "lower", 0.96),
    ("output_throughput", "rate", 980.0, "higher", 1.04),
    ("goodput", "rate", 22.0, "higher", 1.06),
    ("error_rate", "rate", 0.02, "lower", 1.0),
)


def round_rows(engines: Sequence[str] = ("vllm", "friendli"), rounds: int = 8) -> list[dict[str, Any]]:
    """The rows of ROUNDS, without a void one; the p99 of TTFT is undefined for want of requests."""
    return list(_round_rows(engines, rounds))


def _round_rows(engines: Sequence[str], rounds: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(11)
    for number in range(rounds):
        drift = rng.lognormal(0, 0.04)
        for place, engine in enumerate(engines):
            for metric, statistic, unit, _, ratio in MEASURES:
                value = float(unit * drift * (ratio if place else 1) * rng.lognormal(0, 0.015))
                row = {"round": number, "engine": engine, "metric": metric, "statistic": statistic}
                yield row | {"value": value, "n": 147, "void": None}
            undefined = {"metric": "ttft", "statistic": "p99", "value": None, "n": 147, "void": None}
            yield {"round": number, "engine": engine} | undefined


def comparison_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of COMPARISON: real ratios to the first engine, with an interval of about twice their standard error."""
    return list(_comparison_rows(rows, rows[0]["engine"])) if rows else []


def _comparison_rows(rows: Sequence[Mapping[str, Any]], baseline: str) -> Iterator[dict[str, Any]]:
    values = {(row["round"], row["engine"], row["metric"], row["statistic"]): row["value"] for row in rows}
    others = [name for name in dict.fromkeys(row["engine"] for row in rows) if name != baseline]
    better = {metric: direction for metric, _, _, direction, _ in MEASURES}
    for metric, statistic in dict.fromkeys((row["metric"], row["statistic"]) for row in rows):
        for engine in others:
            pairs = [
                value / values[number, baseline, name, kind]
                for (number, who, name, kind), value in values.items()
                if (who, name, kind) == (engine, metric, statistic)
                and value is not None
                and values[number, baseline, name, kind] is not None
            ]
            yield _compared(pairs, better[metric]) | {
                "metric": metric, "statistic": statistic, "baseline": baseline, "engine": engine,
            }  # fmt: skip


def _compared(pairs: Sequence[float], better: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "confidence": 0.95,
        "rounds": len(pairs),
        "ratios": list(pairs),
        "better": better,
        "paired": True,
    }
    if len(pairs) < 2:
        nothing = dict.fromkeys(("low", "high", "p_value", "p_holm"))
        return told | nothing | {"ratio": pairs[0] if pairs else None, "verdict": "too few rounds"}
    logs = np.log(pairs)
    mean, margin = float(logs.mean()), float(2.36 * logs.std(ddof=1) / np.sqrt(len(pairs)))
    shown = abs(mean) > margin
    good = (mean < 0) == (better == "lower")
    return told | {
        "ratio": float(np.exp(mean)),
        "low": float(np.exp(mean - margin)),
        "high": float(np.exp(mean + margin)),
        "p_value": 0.004 if shown else 0.4,
        "p_holm": 0.03 if shown else 1.0,
        "verdict": ("better" if good else "worse") if shown else "no difference shown",
    }


_COMMAND = "triphase-benchmark run --engine vllm=http://127.0.0.1:8000 --iterations 8 --seed 42"
MANIFEST: Mapping[str, Any] = {
    "tool_version": "0.1.0",
    "seed": 42,
    "argv": _COMMAND.split(),
    "load": "poisson:25",
    "workload": "chat",
    "cache": "prompts are unique in each round",
    "engines": [
        {"name": "vllm", "url": "http://127.0.0.1:8000", "profile": "vllm", "version": "0.11.0", "simulated": True},
        {"name": "friendli", "url": "http://127.0.0.1:8001", "profile": "friendli-container", "simulated": True},
    ],
    "machine": {"cpu": "a processor with 2 cores", "kernel": "Linux 6.1", "python": "3.11.9"},
    "calibration": {
        "client_ok": True,
        "lag_p50_s": 0.00004,
        "lag_p99_s": 0.0003,
        "lag_max_s": 0.0021,
        "why": "lag p99 is 0.4 % of the least median",
    },
    "problems": [],
    "slo": {"ttft": 0.5, "tpot": 0.03},
}


def a_run(
    *,
    manifest: Mapping[str, Any] | None = None,
    rounds: Sequence[Mapping[str, Any]] | None = None,
    comparison: Sequence[Mapping[str, Any]] | None = None,
    table: pa.Table | None = None,
) -> Inputs:
    """A whole run, of which a test says what is particular."""
    rows = list(round_rows() if rounds is None else rounds)
    compared = comparison_rows(rows) if comparison is None else comparison
    every = requests() if table is None else table
    return inputs_of(
        {**MANIFEST, **(manifest or {})},
        requests=every,
        rounds=pa.Table.from_pylist(rows, ROUNDS),
        comparison=pa.Table.from_pylist(list(compared), COMPARISON),
        errors=errors_of(every),
    )
