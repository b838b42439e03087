"""The truth log: what the engine really did for each request, a line of JSON each, written when it has ended.

Its rule: nothing is written while an answer runs, so that the log changes no time that it tells. The first line is the
`Header`, every other a `Truth`. Times of a row are nanoseconds after its `received_ns`, which is the machine's
monotonic clock, as all processes of one machine see it.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

VERSION: Final = 1


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. `started_ns` is what stalls, drift and noise are counted from."""

    version: int
    model: str
    server: str
    seed: int
    started_ns: int


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    `request` is its `x-request-id`, else the id of its answer. Of each chunk that was sent: `due` when it should have
    been, `sent` when the socket had taken it, `tokens` in it, and whether they are `output` or thoughts; chunks that
    hold no token (role, end, usage) are not among them, nor are hidden thoughts. `outcome` is `completed`,
    `client_closed`, `reset` or `refused`.
    """

    request: str
    answer: str
    received_ns: int
    admitted: int | None
    prefilled: int | None
    head: int | None
    due: list[int]
    sent: list[int]
    tokens: list[int]
    output: list[bool]
    ended: int
    prompt_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    output_tokens: int
    preemptions: int
    finish_reason: str | None
    status: int
    fault: str | None
    outcome: str


class TruthLog:
    """Appends lines to a file, each in one write, so that whoever is killed leaves whole lines."""

    def __init__(self, path: Path | None, header: Header) -> None:
        """Begins the file anew; `None` writes nothing.

        Raises:
            OSError: It cannot be written.
        """
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._encoder = msgspec.json.Encoder()
        self._append(header)

    @property
    def wanted(self) -> bool:
        """Whether anyone reads it."""
        return self._file is not None

    def add(self, row: Truth) -> None:
        """Writes a row."""
        self._append(row)

    def close(self) -> None:
        """Ends the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: Header | Truth) -> None:
        if self._file is not None:
            os.write(self._file, self._encoder.encode(line) + b"\n")


def read_truth(path: Path) -> tuple[Header, list[Truth]]:
    """Reads a log; a last line that is not whole is left out.

    Raises:
        ValueError: It is no truth log of this version.
    """
    lines = path.read_bytes().split(b"\n")[:-1]
    try:
        header = msgspec.json.decode(lines[0] if lines else b"", type=Header)
        if header.version != VERSION:
            raise ValueError(f"{path}: a truth log of version {header.version}, where {VERSION} is read")
        return header, [msgspec.json.decode(line, type=Truth) for line in lines[1:]]
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: not a truth log: {error}") from error
