"""What is drawn of the requests: histograms, counts and rates, gathered in two passes over the dataset.

Its rule: the memory that it takes depends on engines, rounds and bins, never on requests: batches come and go, and no
row of theirs is kept or embedded. Warm-up is left out, and so are rounds that are void, except where failures are told.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from triphase_benchmark.report import measured
from triphase_benchmark.report.histogram import Histogram
from triphase_benchmark.report.inputs import Inputs

_BATCH: Final = 16_384
_BINS: Final = 120
# What is counted of requests: none of the lists, which are costly to filter.
_COUNTED: Final = ["warm_up", "shared_reads", "input_tokens", "cached_tokens", "error", "error_detail"]

Floats = NDArray[np.float64]
Turn = tuple[int, str]  # a round, and the engine whose turn it was


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
    asked: Mapping[Turn, int]


def gathered(inputs: Inputs) -> Gathered:
    """Reads the requests twice: when each turn began and ended, then everything else."""
    turns = _turns(inputs.requests)
    gathering = _Gathering(inputs, turns)
    for batch in _batches(inputs.requests, measured.COLUMNS):
        gathering.take(batch)
    return gathering.result()


@dataclass(slots=True)
class _Span:
    begin: float
    end: float
    asked: int

    @property
    def length_s(self) -> float:
        return max(0.0, (self.end - self.begin) * 1e-9)


def _turns(requests: ds.Dataset) -> dict[Turn, _Span]:
    """When the measured part of each turn began and ended."""
    spans: dict[Turn, _Span] = {}
    for batch in _batches(requests, ("round", "engine", "warm_up", "sent", "ended")):
        table = pa.Table.from_batches([batch]).filter(pc.invert(batch.column("warm_up")))
        sums = table.group_by(["round", "engine"]).aggregate([("sent", "min"), ("ended", "max"), ("warm_up", "count")])
        for row in sums.to_pylist():
            begin, end = row["sent_min"], row["ended_max"]
            span = spans.setdefault((row["round"], row["engine"]), _Span(np.inf, -np.inf, 0))
            span.begin = min(span.begin, np.inf if begin is None else begin)
            span.end = max(span.end, -np.inf if end is None else end)
            span.asked += row["warm_up_count"]
    return spans


def _batches(requests: ds.Dataset, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    yield from (
        batch
        for batch in requests.to_batches(
            columns=list(columns), batch_size=_BATCH, batch_readahead=2, fragment_readahead=1
        )
        if len(batch)
    )


class _Gathering:
    """Takes batches, one after the other."""

    def __init__(self, inputs: Inputs, turns: Mapping[Turn, _Span]) -> None:
        names = dict.fromkeys([*inputs.engines, *(engine for _, engine in turns)])
        self._engines = {name: index for index, name in enumerate(names)}
        self._void = inputs.void
        self._turns = {turn: index for index, turn in enumerate(turns)}
        self._spans = turns
        self._spreads: dict[tuple[str, str], Histogram] = {}
        self._untold: set[str] = set()  # engines that do not tell, of all chunks, how many tokens these hold
        self._counts = {name: Counts() for name in names}
        longest = max((span.length_s for turn, span in turns.items() if turn not in self._void), default=0.0)
        self._bin_s = max(longest / _BINS, 1e-3)
        self._tokens = np.zeros((len(turns), _BINS))

    def take(self, batch: pa.RecordBatch) -> None:
        turns = self._turn_of(batch)
        chunks = measured.chunks_of(batch)
        good = measured.succeeded(batch)
        counted = good & ~self._is_void(turns)
        figures = measured.of_requests(batch, chunks)
        gaps, places = measured.gaps(chunks)
        owners = chunks.request[places]
        engines = self._engine_of(batch)
        counted_columns = batch.select(_COUNTED)
        for name, index in self._engines.items():
            own = engines == index
            if not own.any():
                continue
            self._counts[name].chunks += int(chunks.counts[good & own].sum())
            self._count(name, counted_columns.filter(pa.array(own)), good[own])
            mine = counted & own
            for measure, values in figures.items():
                self._spread(name, measure).add(values[mine])
            own_gaps = mine[owners]
            self._gaps(name, gaps[own_gaps], chunks.tokens[places[own_gaps]])
        self._flow(batch, chunks, turns, counted)

    def _gaps(self, name: str, gaps: Floats, tokens: Floats) -> None:
        self._spread(name, "icl").add(gaps)
        if np.isnan(tokens).any():
            self._untold.add(name)
        elif name not in self._untold:
            self._spread(name, "itl").add(measured.by_token(gaps, tokens))

    def result(self) -> Gathered:
        return Gathered(
            spreads={
                key: one for key, one in self._spreads.items() if not (key[1] == "itl" and key[0] in self._untold)
            },
            counts=self._counts,
            flows={name: flow for name in self._engines if (flow := self._flow_of(name)) is not None},
            asked={turn: span.asked for turn, span in self._spans.items() if span.asked},
        )

    def _spread(self, engine: str, measure: str) -> Histogram:
        return self._spreads.setdefault((engine, measure), Histogram())

    def _engine_of(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        encoded = batch.column("engine").dictionary_encode()
        codes = np.array([self._engines[name] for name in encoded.dictionary.to_pylist()], dtype=np.int64)
        found: NDArray[np.int64] = codes[np.asarray(encoded.indices)]
        return found

    def _turn_of(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        """The index of each request's turn; -1 where its turn has nothing but warm-up."""
        rounds = np.asarray(batch.column("round"), dtype=np.int64)
        engines = self._engine_of(batch)
        keys = rounds * len(self._engines) + engines
        known, places = np.unique(keys, return_inverse=True)
        names = list(self._engines)
        turns = [self._turns.get((int(key) // len(names), names[int(key) % len(names)]), -1) for key in known]
        return np.array(turns, dtype=np.int64)[places]

    def _is_void(self, turns: NDArray[np.int64]) -> NDArray[np.bool_]:
        void = np.array([*(turn in self._void for turn in self._turns), False])  # the last is for -1
        return void[turns]

    def _count(self, engine: str, batch: pa.RecordBatch, good: NDArray[np.bool_]) -> None:
        counts = self._counts[engine]
        warm_up = pc.sum(batch.column("warm_up")).as_py()
        counts.warm_up += warm_up
        counts.planned += len(batch) - warm_up
        counts.succeeded += int(good.sum())
        done = batch.filter(pa.array(good))
        counts.shared_reads += pc.sum(done.column("shared_reads")).as_py() or 0
        counts.input_tokens += pc.sum(done.column("input_tokens")).as_py() or 0
        if (cached := pc.sum(done.column("cached_tokens")).as_py()) is not None:
            counts.cached_tokens = (counts.cached_tokens or 0) + cached
        self._failures(counts, batch.filter(pc.invert(batch.column("warm_up"))))

    def _failures(self, counts: Counts, batch: pa.RecordBatch) -> None:
        failed = batch.filter(batch.column("error").is_valid())
        if not len(failed):
            return
        for pair in failed.column("error").value_counts().to_pylist():
            counts.failures[pair["values"]] += pair["counts"]
            if pair["values"] not in counts.examples:
                first = pc.index(failed.column("error"), pair["values"]).as_py()
                counts.examples[pair["values"]] = failed.column("error_detail")[first].as_py() or ""

    def _flow(
        self, batch: pa.RecordBatch, chunks: measured.Chunks, turns: NDArray[np.int64], counted: NDArray[np.bool_]
    ) -> None:
        begins = np.array([*(span.begin for span in self._spans.values()), np.nan])
        bins = ((chunks.times - begins[turns][chunks.request]) * (1e-9 / self._bin_s)).astype(np.int64)
        tokens = measured.tokens_of(batch, chunks)
        fits = counted[chunks.request] & (bins >= 0) & (bins <= _BINS) & ~np.isnan(tokens)
        cells = turns[chunks.request][fits] * _BINS + np.minimum(bins[fits], _BINS - 1)
        self._tokens += np.bincount(cells, weights=tokens[fits], minlength=self._tokens.size).reshape(
            self._tokens.shape
        )

    def _flow_of(self, engine: str) -> Flow | None:
        mine = [turn for turn in self._turns if turn[1] == engine and turn not in self._void]
        if not mine or not self._tokens[[self._turns[turn] for turn in mine]].any():
            return None
        rates = self._tokens[[self._turns[turn] for turn in mine]] / self._bin_s
        lengths = np.array([self._spans[turn].length_s for turn in mine])
        over = np.arange(_BINS)[np.newaxis, :] * self._bin_s >= lengths[:, np.newaxis]
        live = np.ma.masked_array(rates, mask=over)
        mean, least, most = (part.filled(np.nan) for part in (live.mean(axis=0), live.min(axis=0), live.max(axis=0)))
        return Flow(bin_s=self._bin_s, mean=mean, least=least, most=most)
