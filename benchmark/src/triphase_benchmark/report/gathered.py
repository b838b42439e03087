"""What is drawn of the requests: histograms, counts and rates, gathered turn by turn.

Its rule: the memory that it takes depends on engines, turns and bins, and on the requests of one turn: none of their
rows is kept or embedded. Warm-up is left out, and so are rounds that are void, except where failures are told. The
measures are those of `metrics/latencies.py`.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from triphase_benchmark.metrics import latencies
from triphase_benchmark.metrics.requests import COLUMNS, Bools, Requests, read
from triphase_benchmark.metrics.turns import Turn, batches_of, turns_of
from triphase_benchmark.report.histogram import BLOCK, Histogram
from triphase_benchmark.report.inputs import Inputs

_BINS: Final = 120
# What is counted of requests, beside what is measured of them.
_COUNTED: Final = ("shared_reads", "cached_tokens", "error_detail")
_NS: Final = 1e-9

# Of which measures of requests distributions are drawn; of the gaps between chunks as well (`_Gathering._gaps`).
_DRAWN: Final[Mapping[str, Callable[[Requests], NDArray[np.float64]]]] = {
    "ttft": latencies.ttft,
    "ttfa": latencies.ttfa,
    "tpot": latencies.tpot,
    "e2e": latencies.e2e,
    "schedule_delay": latencies.schedule_delay,
    "accepted": latencies.accepted,
    "prompt_summary": latencies.prompt_summary,
    "reasoning_summary": latencies.reasoning_summary,
}

Floats = NDArray[np.float64]
Key = tuple[int, str]  # a round, and the engine whose turn it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Output tokens a second through a turn, by bins of `bin_s` from its first request on: mean and extremes of rounds.

    NaN where no round lasted that long.
    """

    bin_s: float
    mean: Floats
    least: Floats
    most: Floats


@dataclass(slots=True)
class Counts:
    """What became of an engine's requests. `failures`: how many by kind; `examples`: the first detail of each kind."""

    planned: int = 0
    succeeded: int = 0
    warm_up: int = 0
    chunks: int = 0
    shared_reads: int = 0
    input_tokens: int = 0
    cached_tokens: int | None = None
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All of it. `spreads`: by engine and measure; `asked`: planned requests of each turn, warm-up apart."""

    spreads: Mapping[tuple[str, str], Histogram]
    counts: Mapping[str, Counts]
    flows: Mapping[str, Flow]
    asked: Mapping[Key, int]


def gathered(inputs: Inputs) -> Gathered:
    """Reads the requests twice: when each turn began and ended, then everything else."""
    spans = _spans(inputs.requests)
    gathering = _Gathering(inputs, spans)
    for turn in turns_of(inputs.requests, (*COLUMNS, *_COUNTED)):
        gathering.take(turn)
    return gathering.result()


@dataclass(slots=True)
class _Span:
    begin: float = np.inf
    end: float = -np.inf
    asked: int = 0

    @property
    def length_s(self) -> float:
        return max(0.0, (self.end - self.begin) * _NS)


def _spans(requests: ds.Dataset) -> dict[Key, _Span]:
    """When the measured part of each turn began and ended."""
    spans: dict[Key, _Span] = {}
    for batch in batches_of(requests, ("round", "engine", "warm_up", "sent", "ended")):
        table = pa.Table.from_batches([batch]).filter(pc.invert(batch.column("warm_up")))
        sums = table.group_by(["round", "engine"]).aggregate([("sent", "min"), ("ended", "max"), ("warm_up", "count")])
        for row in sums.to_pylist():
            begin, end = row["sent_min"], row["ended_max"]
            span = spans.setdefault((row["round"], row["engine"]), _Span())
            span.begin = min(span.begin, np.inf if begin is None else begin)
            span.end = max(span.end, -np.inf if end is None else end)
            span.asked += row["warm_up_count"]
    return spans


class _Gathering:
    """Takes turns, one after the other."""

    def __init__(self, inputs: Inputs, spans: Mapping[Key, _Span]) -> None:
        self._void = inputs.void
        self._spans = spans
        self._spreads: dict[tuple[str, str], Histogram] = {}
        self._untold: set[str] = set()  # engines that do not tell, of all chunks, how many tokens these hold
        self._counts = {name: Counts() for name in dict.fromkeys([*inputs.engines, *(engine for _, engine in spans)])}
        longest = max((span.length_s for key, span in spans.items() if key not in self._void), default=0.0)
        self._bin_s = max(longest / _BINS, 1e-3)
        self._rates: dict[Key, Floats] = {}

    def take(self, turn: Turn) -> None:
        requests = read(turn.requests)
        good = requests.measured & requests.answered
        self._count(self._counts.setdefault(turn.engine, Counts()), turn.requests, requests, good)
        key = turn.round, turn.engine
        if key in self._void or key not in self._spans:
            return
        for measure, each in _DRAWN.items():
            self._spread(turn.engine, measure).add(each(requests)[good])
        self._gaps(turn.engine, requests)
        self._rates[key] = self._rate(requests, good, self._spans[key].begin)

    def _gaps(self, engine: str, requests: Requests) -> None:
        gaps, by_token = Histogram(), Histogram()
        gaps.add(latencies.icl(requests))
        self._spread(engine, "icl").merge(gaps)
        if latencies.comes_one_by_one(requests):  # as from most engines, and there are millions of gaps
            by_token = gaps
        else:
            by_token.add(latencies.itl(requests))
        if gaps.count and not by_token.count:
            self._untold.add(engine)
        elif engine not in self._untold:
            self._spread(engine, "itl").merge(by_token)

    def result(self) -> Gathered:
        return Gathered(
            spreads={
                key: one for key, one in self._spreads.items() if not (key[1] == "itl" and key[0] in self._untold)
            },
            counts=self._counts,
            flows={name: flow for name in self._counts if (flow := self._flow(name)) is not None},
            asked={key: span.asked for key, span in self._spans.items() if span.asked},
        )

    def _spread(self, engine: str, measure: str) -> Histogram:
        return self._spreads.setdefault((engine, measure), Histogram())

    def _count(self, counts: Counts, table: pa.Table, requests: Requests, good: Bools) -> None:
        warm_up = int(requests.warm_up.sum())
        counts.warm_up += warm_up
        counts.planned += table.num_rows - warm_up
        counts.succeeded += int(good.sum())
        counts.chunks += int(requests.chunks[good].sum())
        done = table.select(["shared_reads", "input_tokens", "cached_tokens"]).filter(pa.array(good))
        counts.shared_reads += pc.sum(done["shared_reads"]).as_py() or 0
        counts.input_tokens += pc.sum(done["input_tokens"]).as_py() or 0
        if (cached := pc.sum(done["cached_tokens"]).as_py()) is not None:
            counts.cached_tokens = (counts.cached_tokens or 0) + cached
        self._failures(counts, table.select(["error", "error_detail"]).filter(pa.array(requests.measured)))

    def _failures(self, counts: Counts, table: pa.Table) -> None:
        failed = table.filter(table["error"].is_valid())
        if not failed.num_rows:
            return
        for pair in failed["error"].value_counts().to_pylist():
            counts.failures[pair["values"]] += pair["counts"]
            if pair["values"] not in counts.examples:
                first = pc.index(failed["error"], pair["values"]).as_py()
                counts.examples[pair["values"]] = failed["error_detail"][first].as_py() or ""

    def _rate(self, requests: Requests, good: Bools, begin: float) -> Floats:
        """Output tokens by bins of the turn's time; of a request whose engine does not tell, spread over its chunks."""
        counted = np.repeat(good, requests.chunks)
        tokens = requests.chunk_tokens
        if (untold := np.isnan(tokens)).any():
            even = requests.output_tokens / np.maximum(requests.chunks, 1)
            tokens = np.where(untold, np.repeat(even, requests.chunks), tokens)
        rate = np.zeros(_BINS)
        for begins in range(0, len(tokens), BLOCK):
            some = slice(begins, begins + BLOCK)
            bins = (requests.chunk_times[some] - begin) * (_NS / self._bin_s)
            fits = counted[some] & (bins >= 0) & (bins < _BINS + 1) & ~np.isnan(tokens[some])
            cells = np.minimum(bins[fits].astype(np.int64), _BINS - 1)
            rate += np.bincount(cells, weights=tokens[some][fits], minlength=_BINS)
        return rate / np.float64(self._bin_s)

    def _flow(self, engine: str) -> Flow | None:
        mine = [key for key in self._rates if key[1] == engine]
        if not mine or not any(self._rates[key].any() for key in mine):
            return None
        rates = np.array([self._rates[key] for key in mine])
        lengths = np.array([self._spans[key].length_s for key in mine])
        over = np.arange(_BINS)[np.newaxis, :] * self._bin_s >= lengths[:, np.newaxis]
        live = np.ma.masked_array(rates, mask=over)
        mean, least, most = (part.filled(np.nan) for part in (live.mean(axis=0), live.min(axis=0), live.max(axis=0)))
        return Flow(bin_s=self._bin_s, mean=mean, least=least, most=most)
