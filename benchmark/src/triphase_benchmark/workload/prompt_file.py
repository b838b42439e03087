"""Prompts from a file: JSONL, a JSON array, or Parquet with the same names as columns.

Its rule: every row is read before a run begins, and the first that is wrong ends it, with its line. A row that says
the same as another counts once, since it would hit the cache of the first.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from triphase_benchmark.plan.chance import Chance, Purpose, tag
from triphase_benchmark.plan.ports import Place
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.values import Message, Prompt
from triphase_benchmark.workload.options import Options, Repeat
from triphase_benchmark.workload.prompt_rows import Row, RowTurn, WrongRow, row_of


class FileWorkload:
    """The rows of a file by their lines, in an order by chance. `empty`: how many more there were that ask nothing."""

    def __init__(self, *, name: str, rows: Mapping[int, Row], empty: int, options: Options) -> None:
        distinct = {_key(row): line for line, row in reversed(tuple(rows.items()))}  # the first of each
        self.name = name
        self._rows = {line: rows[line] for line in sorted(distinct.values())}
        self._options = options
        self.notes = tuple(self._notes(empty, len(rows) - len(distinct)))
        self._orders: dict[tuple[int, int], list[int]] = {}

    @property
    def size(self) -> int | None:
        """The number of different rows, or none where they may be repeated."""
        return len(self._rows) if self._options.repeat is Repeat.NO else None

    def conversation(self, seed: int, place: Place) -> tuple[Prompt, ...]:
        """The turns of the row whose turn it is."""
        pass_, at = divmod(place.serial, len(self._rows))
        line = self._order(seed, pass_)[at]
        row = self._rows[line]
        key = (place.round, place.number)
        most = self._options.turns.at(Chance(seed, Purpose.TURNS, *key).uniform())
        lengths = Chance(seed, Purpose.LENGTHS, *key)
        mark = f"Reference {tag(seed, *key)}.\n\n" if pass_ and self._options.repeat is Repeat.TAG else ""
        return tuple(
            self._prompt(turn, row, f"line-{line}", lengths.uniform(), mark if place_ == 0 else "")
            for place_, turn in enumerate(row.turns[:most])
        )

    def _notes(self, empty: int, repeated: int) -> Iterator[str]:
        if empty:
            yield f"{self.name}: rows left out since no user asks anything in them: {empty}"
        if repeated:
            yield f"{self.name}: rows left out since another says the same: {repeated}"
        if any(turn.answer and not turn.output_tokens for row in self._rows.values() for turn in row.turns):
            yield from self._options.notes if self._options.output is None else ()

    def _prompt(self, turn: RowTurn, row: Row, source: str, chance: float, mark: str) -> Prompt:
        first, *others = turn.messages
        messages = (Message(role=first.role, content=mark + first.content), *others)
        own = turn.output_tokens
        if own is None and turn.answer:
            own = max(self._options.counter.count(turn.answer), 1)
        counts = [self._options.counted(message.content) for message in messages]
        return Prompt(
            id=source,
            messages=messages,
            input_tokens=sum(count or 0 for count in counts) if self._options.counter.exact else None,
            output_tokens=self._options.output_tokens(chance, own),
            extra_body=row.extra_body,
        )

    def _order(self, seed: int, pass_: int) -> list[int]:
        """The lines in the order of one pass through the file."""
        if (seed, pass_) not in self._orders:
            self._orders[seed, pass_] = Chance(seed, Purpose.PROMPTS, pass_).shuffled(list(self._rows))
        return self._orders[seed, pass_]


def _key(row: Row) -> bytes:
    return msgspec.msgpack.encode([turn.messages for turn in row.turns])


def read_prompts(file: Path, options: Options) -> FileWorkload:
    """The workload of a prompt file.

    Raises:
        BadInput: It cannot be read, or a row is wrong; names the line, or the row of a Parquet file.
    """
    found: dict[int, Row | None] = {}
    for line, value in values_of(file):
        try:
            found[line] = row_of(value)
        except WrongRow as problem:
            raise BadInput.at(file, line, f"no prompt: {problem}") from None
    rows = {line: row for line, row in found.items() if row is not None}
    if not rows:
        raise BadInput(f"{file} has no prompts")
    return FileWorkload(name=file.name, rows=rows, empty=len(found) - len(rows), options=options)


def values_of(file: Path) -> Iterator[tuple[int, object]]:
    """The rows as JSON values, each with its line, or its number in a Parquet file. Raises BadInput."""
    try:
        yield from _READERS[file.suffix](file)
    except OSError as problem:
        raise BadInput(f"{file} cannot be read: {problem.strerror or problem}") from None


def _lines(file: Path) -> Iterator[tuple[int, object]]:
    with file.open("rb") as opened:
        for number, whole in enumerate(opened, 1):
            line = whole.removeprefix(b"\xef\xbb\xbf") if number == 1 else whole  # as some tools begin their files
            if line.strip():
                try:
                    yield number, msgspec.json.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as problem:
                    raise BadInput.at(file, number, f"no JSON: {problem}") from None


def _array(file: Path) -> Iterator[tuple[int, object]]:
    try:
        values = msgspec.json.decode(file.read_bytes(), type=list[object])
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"{file} is no JSON array: {problem}") from None
    yield from enumerate(values, 1)


def _parquet(file: Path) -> Iterator[tuple[int, object]]:
    try:
        yield from enumerate(pq.read_table(file).to_pylist(), 1)
    except pa.ArrowInvalid as problem:
        raise BadInput(f"{file} is no Parquet file: {str(problem).splitlines()[0]}") from None


_READERS: Mapping[str, Callable[[Path], Iterator[tuple[int, object]]]] = {
    ".json": _array,
    ".jsonl": _lines,
    ".parquet": _parquet,
}
SUFFIXES = tuple(_READERS)
