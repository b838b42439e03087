"""One alarm for all streams: wakes the loop when the next chunk is due.

Its rule: on Linux it is a timer of the kernel with the resolution of nanoseconds, since the timers of event loops have
that of milliseconds, which would be the largest part of the engine's own jitter. Elsewhere it is the loop's timer.
"""

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Final

# Of Linux's time.h and sys/timerfd.h, alike on all architectures that Python runs on but Alpha, MIPS and SPARC.
_CLOCK_MONOTONIC: Final = 1
_NONBLOCK: Final = 0o4000
_CLOEXEC: Final = 0o2000000
_ABSOLUTE: Final = 1
_SECOND_NS: Final = 1_000_000_000
_SHORTEST_NS: Final = 150_000  # between two rings: chunks that are due within it leave together


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Alarm:
    """Calls `ring` once at the time that was set last, on the loop's thread."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ring = ring
        self._set_for_ns: int | None = None
        self._rung_ns = 0
        self._handle: asyncio.Handle | None = None
        self._library: ctypes.CDLL | None = None
        self._descriptor = -1
        self._timer = _Timer()
        if sys.platform == "linux":
            self._open()

    def set(self, when_ns: int) -> None:
        """Sets it for a time, which may have passed."""
        if when_ns == self._set_for_ns:
            return
        self._set_for_ns = when_ns
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        now_ns = time.monotonic_ns()
        if when_ns <= now_ns:
            self._handle = self._loop.call_soon(self._fire)
            return
        when_ns = max(when_ns, self._rung_ns + _SHORTEST_NS)
        if self._library is None:
            self._handle = self._loop.call_later((when_ns - now_ns) / _SECOND_NS, self._fire)
            return
        value = self._timer.value
        value.seconds, value.nanoseconds = divmod(when_ns, _SECOND_NS)
        self._library.timerfd_settime(self._descriptor, _ABSOLUTE, ctypes.byref(self._timer), None)

    def close(self) -> None:
        """Never rings again."""
        if self._handle is not None:
            self._handle.cancel()
        if self._library is not None:
            self._library = None
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)

    def _open(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        descriptor = library.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK | _CLOEXEC)
        if descriptor >= 0:
            self._library, self._descriptor = library, descriptor
            self._loop.add_reader(descriptor, self._expired)

    def _expired(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return
        self._fire()

    def _fire(self) -> None:
        self._set_for_ns = None
        self._handle = None
        self._rung_ns = time.monotonic_ns()
        self._ring()
