"""The requests of a run turn by turn: a *turn* is all that one engine was asked in one round.

Its rule: a turn is whole or not there, and memory holds only those that have begun and are not whole yet. Folders keep
turns one after the other (`records/folder.py`), so that is one, or a few; in any other order it is more, never wrong.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

# Small enough to be held beside a turn, large enough that none of it is spent on calls.
_BATCH: Final = 16_384
_OF_A_TURN: Final = ("round", "engine")

Stored: TypeAlias = pa.Table | ds.Dataset
_Key = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What an engine was asked in a round; `requests` in the order in which they are stored."""

    round: int
    engine: str
    requests: pa.Table


def turns_of(requests: Stored, columns: Sequence[str]) -> Iterator[Turn]:
    """Yields all turns, each with these columns of its requests, in the order in which they become whole."""
    missing: Counter[_Key] = Counter()
    for batch in batches_of(requests, _OF_A_TURN):
        for key, part in _runs(batch):
            missing[key] += len(part)
    waiting: dict[_Key, list[pa.RecordBatch]] = {}
    for batch in batches_of(requests, list(dict.fromkeys([*_OF_A_TURN, *columns]))):
        for key, part in _runs(batch):
            waiting.setdefault(key, []).append(part)
            missing[key] -= len(part)
            if not missing[key]:
                number, engine = key
                yield Turn(round=number, engine=engine, requests=pa.Table.from_batches(waiting.pop(key)))


def batches_of(requests: Stored, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yields these columns of all requests, some at a time; none is empty."""
    dataset = requests if isinstance(requests, ds.Dataset) else ds.dataset(requests)
    ahead = {"batch_readahead": 2, "fragment_readahead": 1}  # the default would hold most of a file
    yield from (batch for batch in dataset.to_batches(columns=list(columns), batch_size=_BATCH, **ahead) if len(batch))


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[_Key, pa.RecordBatch]]:
    """The stretches of a batch that are of one turn each."""
    numbers = batch.column("round").to_numpy()
    engines = batch.column("engine").dictionary_encode()
    codes = engines.indices.to_numpy()
    names = engines.dictionary.to_pylist()
    cuts = np.flatnonzero((np.diff(numbers) != 0) | (np.diff(codes) != 0)) + 1
    begins = [0, *cuts.tolist()]
    for begin, end in zip(begins, [*begins[1:], len(batch)], strict=True):
        yield (int(numbers[begin]), names[codes[begin]]), batch.slice(begin, end - begin)
