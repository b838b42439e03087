"""How a supervisor hands configurations to its workers: as values, over the standard input that it holds open for each.

Rule: the supervisor alone reads the file, so that all workers serve the same and a worker that is started later serves
what was accepted last, whatever the file holds by then. Keys travel so too, and stand neither in a command line nor on
a disk. A frame is its length, in four bytes, and a pickle: both ends are the same program. Who reads the file is
`reload.py`, who starts workers `supervisor.py`.
"""

import asyncio
import os
import pickle
import struct
from collections.abc import Callable, Iterator

from triphase_server.config import GatewayConfig

_LENGTH = struct.Struct(">I")
_BLOCK_BYTES = 64 * 1024


def frame_of(config: GatewayConfig) -> bytes:
    """Returns what travels."""
    data = pickle.dumps(config)
    return _LENGTH.pack(len(data)) + data


class SupervisorGone(Exception):
    """The supervisor ended before it had handed over a configuration."""


class Frames:
    """Cuts frames out of bytes, however they are cut when they arrive."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[GatewayConfig]:
        """Yields the configurations that are whole now."""
        self._kept += data
        while len(self._kept) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._kept)[0]
            if len(self._kept) < end:
                return
            whole, self._kept = self._kept[_LENGTH.size : end], self._kept[end:]
            yield pickle.loads(whole)  # noqa: S301 - whoever writes our standard input has started us


class Received:
    """A worker's end: `first` waits for what it begins with, `follow` takes what comes later."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._frames = Frames()
        self._early: list[GatewayConfig] = []

    def first(self) -> GatewayConfig:
        """Returns the first configuration, outside of an event loop; raises SupervisorGone where none comes."""
        while not self._early:
            data = os.read(self._descriptor, _BLOCK_BYTES)
            if not data:
                raise SupervisorGone("the supervisor of this worker has ended")
            self._early += self._frames.feed(data)
        return self._early.pop(0)

    def follow(self, take: Callable[[GatewayConfig], None], *, end: Callable[[], None]) -> None:
        """Calls `take` with each further configuration, and `end` at the end of the input."""
        loop = asyncio.get_running_loop()
        for config in self._early:
            take(config)
        self._early.clear()

        def read() -> None:
            data = os.read(self._descriptor, _BLOCK_BYTES)
            for config in self._frames.feed(data):
                take(config)
            if not data:
                loop.remove_reader(self._descriptor)
                end()

        loop.add_reader(self._descriptor, read)
