"""Working time and the clock's: stalls stop all work for known times, and work goes on after them where it was.

Its rule: a duration of work that meets a stall takes as much longer as it met of it. Times are int nanoseconds.
"""

from triphase_model.engine.simulated.serving.settings import Stalls

_NS = 1e9


class WorkingTime:
    """When work is done that has begun at some time; `start_ns` is when stalls are counted from."""

    def __init__(self, stalls: Stalls, *, start_ns: int) -> None:
        self._first_ns = start_ns + round(stalls.first_s * _NS)
        self._length_ns = round(stalls.length_s * _NS)
        self._every_ns = round(stalls.every_s * _NS)

    def after(self, begin_ns: int, work_ns: float) -> int:
        """The end of work of this duration that begins then."""
        end_ns = begin_ns + round(work_ns)
        if not self._length_ns:
            return end_ns
        left_ns = round(work_ns)
        at_ns = self._resumed(begin_ns)
        while (stall_ns := self._next(at_ns)) is not None and at_ns + left_ns > stall_ns:
            left_ns -= stall_ns - at_ns
            at_ns = stall_ns + self._length_ns
        return at_ns + left_ns

    def _resumed(self, now_ns: int) -> int:
        """This time, or the end of the stall that it is in."""
        into_ns = self._into(now_ns)
        return now_ns if into_ns is None or into_ns >= self._length_ns else now_ns + self._length_ns - into_ns

    def _into(self, now_ns: int) -> int | None:
        """How long ago the last stall began; `None` before the first."""
        since_ns = now_ns - self._first_ns
        if since_ns < 0:
            return None
        return since_ns % self._every_ns if self._every_ns else since_ns

    def _next(self, now_ns: int) -> int | None:
        """The begin of the next stall after a time that is in none; `None` where none comes."""
        into_ns = self._into(now_ns)
        if into_ns is None:
            return self._first_ns
        return now_ns - into_ns + self._every_ns if self._every_ns else None
