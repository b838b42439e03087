"""Recorded traces: when requests came, how long they and their answers were, and which beginnings they shared.

Two shapes, told apart by the file's name: `.jsonl` as Mooncake publishes them, one object a line with `timestamp`
(milliseconds), `input_length`, `output_length` and, where known, `hash_ids`, one for each block of 512 tokens, equal
where blocks and all before them are equal; `.csv` as Azure does, with `TIMESTAMP`, `ContextTokens` and
`GeneratedTokens`. Times count from the first request, in ns. No text: what is sent in its place is the workload's.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from triphase_benchmark.plan.loads import SECOND_NS
from triphase_benchmark.plan.problems import BadInput

BLOCK_TOKENS = 512
SUFFIXES = (".csv", ".jsonl")
_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_MOST_TOKENS = 10_000_000
# Azure's fractions of a second have seven digits, of which `fromisoformat` would refuse the last on some versions.
_DIGITS = re.compile(r"(.*?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEntry:
    """One request of a trace. Its `blocks` are empty where the trace does not know them."""

    time_ns: int
    input_tokens: int
    output_tokens: int
    blocks: tuple[int, ...] = ()


class _Line(msgspec.Struct):
    timestamp: float
    input_length: int
    output_length: int
    hash_ids: tuple[int, ...] = ()


def read_trace(file: Path) -> tuple[TraceEntry, ...]:
    """All requests of a trace, in the order of their times.

    Raises:
        BadInput: It cannot be read, is of neither shape, or says something impossible; names the line.
    """
    if file.suffix not in SUFFIXES:
        raise BadInput(f"{file} is no trace: it takes a .jsonl file (Mooncake) or a .csv file (Azure)")
    try:
        # Some tools begin their CSV files with a byte order mark.
        text = file.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise BadInput(f"{file} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file} is not UTF-8") from None
    entries = sorted(_READERS[file.suffix](file, text), key=lambda entry: entry.time_ns)
    if not entries:
        raise BadInput(f"{file} has no requests")
    return tuple(replace(entry, time_ns=entry.time_ns - entries[0].time_ns) for entry in entries)


def _mooncake(file: Path, text: str) -> Iterator[TraceEntry]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = msgspec.json.decode(line, type=_Line)
        except msgspec.DecodeError as problem:
            raise BadInput.at(file, number, f"no line of a trace: {problem}") from None
        entry = TraceEntry(
            time_ns=round(value.timestamp * (SECOND_NS // 1000)),
            input_tokens=value.input_length,
            output_tokens=value.output_length,
            blocks=value.hash_ids,
        )
        yield _checked(entry, file, number)


def _azure(file: Path, text: str) -> Iterator[TraceEntry]:
    rows = csv.reader(text.splitlines())
    head = [name.strip() for name in next(rows, [])]
    if missing := [name for name in _COLUMNS if name not in head]:
        raise BadInput.at(file, 1, f"the column {missing[0]} is missing: a trace has {', '.join(_COLUMNS)}")
    columns = [head.index(name) for name in _COLUMNS]
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        try:
            time, read, written = (row[column].strip() for column in columns)
            entry = TraceEntry(time_ns=_time_ns(time), input_tokens=int(read), output_tokens=int(written))
        except (ValueError, IndexError):
            problem = "no row of a trace: it takes a time (2024-05-10 00:00:00.009930) and two whole numbers"
            raise BadInput.at(file, rows.line_num, problem) from None
        yield _checked(entry, file, rows.line_num)


def _time_ns(text: str) -> int:
    match = _DIGITS.fullmatch(text)
    if not match:
        raise ValueError(text)
    moment, fraction, zone = match.groups()
    whole = datetime.fromisoformat(moment + ("+00:00" if zone in {None, "Z"} else zone))
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND_NS + int((fraction or "0").ljust(9, "0"))


def _checked(entry: TraceEntry, file: Path, line: int) -> TraceEntry:
    for what, tokens in (("input", entry.input_tokens), ("output", entry.output_tokens)):
        if not 0 <= tokens <= _MOST_TOKENS:
            raise BadInput.at(file, line, f"an {what} of {tokens} tokens is none, it takes 0 to {_MOST_TOKENS}")
    if (
        entry.blocks
        and not (len(entry.blocks) - 1) * BLOCK_TOKENS < entry.input_tokens <= len(entry.blocks) * BLOCK_TOKENS
    ):
        problem = f"{len(entry.blocks)} hash_ids do not fit an input of {entry.input_tokens} tokens"
        raise BadInput.at(
            file, line, f"{problem}: there is one for each block of {BLOCK_TOKENS}, the last may be short"
        )
    return entry


_READERS: Mapping[str, Callable[[Path, str], Iterator[TraceEntry]]] = {".csv": _azure, ".jsonl": _mooncake}
