"""The measures of single requests, for one batch of the table REQUESTS: what the distributions are drawn from.

Its rule: the formulas of GLOSSARY.md, "Time", in seconds, vectorised; NaN where a measure is undefined. Only requests
that succeeded have any. How measures are summed up to a round's figures is not here: those come from the rounds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

# What is read of a request: everything that is drawn, and no text except the failures'.
COLUMNS: Final = (
    "round", "engine", "warm_up", "scheduled", "sent", "ended", "chunk_times", "chunk_tokens", "chunk_output",
    "shared_reads", "accepted", "prompt_summary", "reasoning_summary", "input_tokens", "cached_tokens",
    "output_tokens", "reasoning_tokens", "error", "error_detail",
)  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_NS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Chunks:
    """The token chunks of a batch, in one row: `request` is the index of each one's request in the batch."""

    starts: Ints
    counts: Ints
    request: Ints
    times: Ints
    tokens: Floats  # NaN where the engine does not tell
    output: Flags

    @property
    def any(self) -> Flags:
        """Which requests have chunks at all."""
        return self.counts > 0


def numbers(column: pa.Array) -> Floats:
    """A column of numbers; NaN for null."""
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def flags(column: pa.Array) -> Flags:
    """A column of yes and no."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.bool_)


def chunks_of(batch: pa.RecordBatch) -> Chunks:
    """The chunks of all requests of a batch."""
    times = batch.column("chunk_times")
    offsets = np.asarray(times.offsets, dtype=np.int64)
    counts = np.diff(offsets)
    starts = offsets[:-1] - offsets[0]
    return Chunks(
        starts=starts,
        counts=counts,
        request=np.repeat(np.arange(len(counts)), counts),
        times=np.asarray(times.flatten(), dtype=np.int64),
        tokens=_tokens(batch.column("chunk_tokens"), counts),
        output=flags(batch.column("chunk_output").flatten()),
    )


def _tokens(column: pa.Array, counts: Ints) -> Floats:
    """The tokens of each chunk. Lists that are null have no place among the flattened, so they are spread anew."""
    told = np.repeat(flags(column.is_valid()), counts)
    tokens = np.full(len(told), np.nan)
    if told.any():
        tokens[told] = numbers(column.flatten())
    return tokens


def succeeded(batch: pa.RecordBatch) -> Flags:
    """Which requests count: no warm-up, sent, and without a failure."""
    return (
        flags(batch.column("error").is_null())
        & ~flags(batch.column("warm_up"))
        & flags(batch.column("sent").is_valid())
    )


def of_requests(batch: pa.RecordBatch, chunks: Chunks) -> Mapping[str, Floats]:
    """By name: one figure for each request of the batch, whether it succeeded or not."""
    sent = numbers(batch.column("sent"))
    e2e = (numbers(batch.column("ended")) - sent) * _NS
    first = np.where(_hides_thoughts(batch, chunks), np.nan, _at(chunks, chunks.starts, chunks.any))
    ttft = (first - sent) * _NS
    first_output, has_output = _first_output(chunks)
    return {
        "ttft": ttft,
        "ttfa": (_at(chunks, first_output, has_output) - sent) * _NS,
        "tpot": _tpot(e2e - ttft, numbers(batch.column("output_tokens")), chunks),
        "e2e": e2e,
        "schedule_delay": (sent - numbers(batch.column("scheduled"))) * _NS,
        "accepted": (numbers(batch.column("accepted")) - sent) * _NS,
        "prompt_summary": (numbers(batch.column("prompt_summary")) - sent) * _NS,
        "reasoning_summary": (numbers(batch.column("reasoning_summary")) - sent) * _NS,
    }


def gaps(chunks: Chunks) -> tuple[Floats, Ints]:
    """ICL: the gaps between successive token chunks of a request, and the index of the chunk that each ends at."""
    later = np.ones(len(chunks.times), dtype=np.bool_)
    later[chunks.starts[chunks.any]] = False
    places: Ints = np.flatnonzero(later).astype(np.int64, copy=False)
    gap: Floats = (chunks.times[places] - chunks.times[places - 1]) * np.float64(_NS)
    return gap, places


def by_token(gap: Floats, tokens: Floats) -> Floats:
    """ITL: gaps by the tokens of the chunks that they end at. The first token has waited, the others have not."""
    return np.concatenate([gap[tokens > 0], np.zeros(int(np.maximum(tokens - 1, 0).sum()))])


def tokens_of(batch: pa.RecordBatch, chunks: Chunks) -> Floats:
    """How many tokens each chunk holds; where nothing tells, its share of the request's output tokens."""
    if not np.isnan(chunks.tokens).any():
        return chunks.tokens
    even = numbers(batch.column("output_tokens")) / np.maximum(chunks.counts, 1)
    return np.where(np.isnan(chunks.tokens), np.repeat(even, chunks.counts), chunks.tokens)


def _hides_thoughts(batch: pa.RecordBatch, chunks: Chunks) -> Flags:
    """Which requests have thoughts and no chunk that shows them: when their first token came is not known."""
    thought = flags(batch.column("reasoning_summary").is_valid()) | (numbers(batch.column("reasoning_tokens")) > 0)
    shown = np.bincount(chunks.request, weights=~chunks.output, minlength=len(chunks.counts)) > 0
    hidden: Flags = thought & ~shown
    return hidden


def _at(chunks: Chunks, index: Ints, known: Flags) -> Floats:
    found = np.full(len(index), np.nan)
    found[known] = chunks.times[index[known]]
    return found


def _first_output(chunks: Chunks) -> tuple[Ints, Flags]:
    """Of each request, the index of its first chunk of output, and whether there is one."""
    outputs = np.flatnonzero(chunks.output)
    places = np.searchsorted(outputs, chunks.starts)
    inside = np.append(outputs, len(chunks.output))[places]
    return inside, inside < chunks.starts + chunks.counts


def _tpot(answering: Floats, output_tokens: Floats, chunks: Chunks) -> Floats:
    first = np.ones(len(answering))
    told = chunks.tokens[chunks.starts[chunks.any]]
    first[chunks.any] = np.where(np.isnan(told), 1, told)
    first = np.where(chunks.counts == 1, output_tokens, first)
    rest = output_tokens - first
    found = np.full(len(rest), np.nan)
    np.divide(answering, rest, out=found, where=rest > 0)
    return found
