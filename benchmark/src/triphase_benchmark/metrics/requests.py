"""The columns of the table of requests as arrays, and what follows from several of them.

Its rule: nothing is looped over. Times are float nanoseconds on the clock of the run, exact for 104 days from its
epoch, and NaN where there is none; so are counts. Chunks of all requests lie one after the other, `offsets` between
them. A request has *answered* if it ended without an error and gave a token: in a chunk or, not streamed, by its usage.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

# All columns that are read here.
COLUMNS = (
    *("scheduled", "sent", "ended", "warm_up", "error", "chunk_times", "chunk_output", "chunk_tokens"),
    *("input_tokens", "output_tokens", "reasoning_tokens", "accepted", "prompt_summary", "reasoning_summary"),
)

# What the run's end has done, not the engine. A value of `ErrorKind`.
_UNSENT = "unsent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Some requests, as a rule those of one engine in one round."""

    scheduled: Floats
    sent: Floats
    ended: Floats
    warm_up: Bools
    unsent: Bools  # the run ended before they were due
    answered: Bools
    offsets: Ints  # one more than there are requests
    chunk_times: Floats
    chunk_output: Bools
    chunk_tokens: Floats  # NaN for a request whose engine does not tell
    hidden_thoughts: Bools  # the engine thought, and no token chunk shows it
    accepted: Floats  # this and the two below: phases of a gateway
    prompt_summary: Floats
    reasoning_summary: Floats
    input_tokens: Floats
    output_tokens: Floats
    reasoning_tokens: Floats

    @property
    def measured(self) -> Bools:
        """All but the warm-up."""
        return ~self.warm_up

    @property
    def chunks(self) -> Ints:
        """How many token chunks each request has."""
        return np.diff(self.offsets)

    def sums(self, of_chunks: Floats) -> Floats:
        """The sum over each request's chunks, 0 without any; NaN stays with its request."""
        some = self.chunks > 0
        sums = np.zeros(self.sent.size)
        if some.any():
            sums[some] = np.add.reduceat(of_chunks, self.offsets[:-1][some])
        return sums

    def first_of(self, chunks: Bools) -> Floats:
        """When the first of these chunks came, of each request."""
        places = np.flatnonzero(chunks)
        after = np.searchsorted(places, self.offsets)  # as many lie before each request, and before the next
        some = after[1:] > after[:-1]
        times = np.full(self.sent.size, np.nan)
        times[some] = self.chunk_times[places[after[:-1][some]]]
        return times

    def first_time(self) -> Floats:
        """When the first token chunk came, of each request."""
        return self._at_first(self.chunk_times)

    def first_tokens(self) -> Floats:
        """How many tokens the first token chunk held: all, if there is no other; 1, if the engine does not tell."""
        told = self._at_first(self.chunk_tokens)
        return np.where(self.chunks == 1, self.output_tokens, np.where(np.isnan(told), 1.0, told))

    def _at_first(self, of_chunks: Floats) -> Floats:
        values = np.full(self.sent.size, np.nan)
        some = self.chunks > 0
        values[some] = of_chunks[self.offsets[:-1][some]]
        return values


def read(table: pa.Table) -> Requests:
    """Reads a table with the columns of `REQUESTS`."""
    offsets, times = _lists(table["chunk_times"])
    _, output = _lists(table["chunk_output"])
    shown_thoughts = _any(~output.astype(bool, copy=False), offsets)
    reasoning_summary = _numbers(table["reasoning_summary"])
    thought = (_numbers(table["reasoning_tokens"]) > 0) | ~np.isnan(reasoning_summary)
    output_tokens = _numbers(table["output_tokens"])
    sent, ended = _numbers(table["sent"]), _numbers(table["ended"])
    failed = table["error"].is_valid().to_numpy()
    some = (np.diff(offsets) > 0) | (output_tokens > 0)
    return Requests(
        scheduled=_numbers(table["scheduled"]),
        sent=sent,
        ended=ended,
        warm_up=table["warm_up"].to_numpy(),
        unsent=np.isnan(sent) & _equal(table["error"], _UNSENT),
        answered=~failed & some & ~np.isnan(ended),
        offsets=offsets,
        chunk_times=times.astype(np.float64),
        chunk_output=output.astype(bool, copy=False),
        chunk_tokens=_tokens(table["chunk_tokens"], offsets),
        hidden_thoughts=thought & ~shown_thoughts,
        accepted=_numbers(table["accepted"]),
        prompt_summary=_numbers(table["prompt_summary"]),
        reasoning_summary=reasoning_summary,
        input_tokens=_numbers(table["input_tokens"]),
        output_tokens=output_tokens,
        reasoning_tokens=_numbers(table["reasoning_tokens"]),
    )


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _equal(column: pa.ChunkedArray, text: str) -> Bools:
    return np.asarray(column.to_numpy() == text, dtype=bool)


def _lists(column: pa.ChunkedArray) -> tuple[Ints, NDArray[np.generic]]:
    """The offsets and the values of all lists, one after the other."""
    lists = column.combine_chunks()
    lengths = np.nan_to_num(lists.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    return offsets, lists.flatten().to_numpy(zero_copy_only=False)


def _tokens(column: pa.ChunkedArray, offsets: Ints) -> Floats:
    """The tokens of each chunk; NaN for all chunks of a request whose list is null or of another length."""
    own, told = _lists(column)
    if np.array_equal(own, offsets):
        return told.astype(np.float64)
    tokens = np.full(offsets[-1], np.nan)
    lengths = np.diff(offsets)
    whole = np.diff(own) == lengths
    tokens[np.repeat(whole, lengths)] = told[np.repeat(whole, np.diff(own))]
    return tokens


def _any(of_chunks: Bools, offsets: Ints) -> Bools:
    """Whether it holds for any chunk of each request."""
    some = np.diff(offsets) > 0
    found = np.zeros(some.size, dtype=bool)
    if some.any():
        found[some] = np.logical_or.reduceat(of_chunks, offsets[:-1][some])
    return found
