"""Which request is sent next, and when it is due: closed loops, open loops, and conversations in both.

Its rule: sans-IO; times are ns after the round's begin and come in as arguments. In an open loop a request is due at
its own time, whatever has become of the others. In a closed loop it is due when a place became free, and a conversation
goes on at the place that it has. A turn is never due before the answer to the one before it has ended; where that one
failed, it is not sent. Sending on time is `sending.py`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from triphase_benchmark.plan.values import Load, PlannedRequest


@dataclass(frozen=True, slots=True, order=True)
class _Ready:
    """`rank` orders what is ready: in a closed loop, turns that go on come before those that begin."""

    rank: int
    number: int
    due: int


class Dispatch:
    """Deals requests to `places`; `None` = as many as are due."""

    def __init__(self, requests: Sequence[PlannedRequest], *, load: Load, places: int | None) -> None:
        if load is Load.CLOSED and not places:
            raise ValueError("a closed loop has at least one place")
        self._load = load
        self._requests = {request.number: request for request in requests}
        self._free: list[int] | None = None if places is None else [0] * places
        self._next: defaultdict[int, list[PlannedRequest]] = defaultdict(list)
        self._ready: list[_Ready] = []
        self._running: set[int] = set()
        for request in requests:
            if request.after is None:
                self._make_ready(request, 0)
            else:
                self._next[request.after].append(request)

    @property
    def unsent(self) -> list[PlannedRequest]:
        """Those that have not been taken, in order."""
        return [self._requests[number] for number in sorted(self._requests.keys() - self._running)]

    @property
    def running(self) -> int:
        """How many have been taken and have not ended."""
        return len(self._running)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing will be due."""
        return not self._running and not self._ready

    def continues(self, number: int) -> bool:
        """Whether a later turn waits for this one's answer."""
        return bool(self._next.get(number))

    def next_due(self) -> int | None:
        """When the next request is due; `None` where that waits for the end of another, or none is left."""
        if not self._ready or (self._free is not None and not self._free):
            return None
        due = self._ready[0].due
        return max(due, self._free[0]) if self._free is not None and self._load is Load.CLOSED else due

    def take(self) -> tuple[PlannedRequest, int]:
        """Takes the request of `next_due`, which must be a time; returns it with that time."""
        due = self.next_due()
        assert due is not None
        if self._free is not None:
            heappop(self._free)
        number = heappop(self._ready).number
        self._running.add(number)
        return self._requests[number], due

    def ended(self, number: int, at: int, *, well: bool) -> list[PlannedRequest]:
        """Frees the place of a request; returns the turns that will never be due, since it failed."""
        self._running.discard(number)
        self._requests.pop(number)
        if self._free is not None:
            heappush(self._free, at)
        following = self._next.pop(number, [])
        if not well:
            return self._without(following)
        for request in following:
            self._make_ready(request, at)
        return []

    def _make_ready(self, request: PlannedRequest, since: int) -> None:
        if self._load is Load.CLOSED:
            ready = _Ready(0 if request.after is not None else 1, request.number, since)
        else:
            due = max(request.scheduled_ns or 0, since)
            ready = _Ready(due, request.number, due)
        heappush(self._ready, ready)

    def _without(self, requests: list[PlannedRequest]) -> list[PlannedRequest]:
        lost = []
        while requests:
            request = requests.pop()
            self._requests.pop(request.number)
            lost.append(request)
            requests += self._next.pop(request.number, [])
        return lost


def deal(requests: Sequence[PlannedRequest], workers: int) -> list[list[PlannedRequest]]:
    """Deals requests round-robin, so that each worker has its share of any time; conversations stay whole."""
    hands: list[list[PlannedRequest]] = [[] for _ in range(workers)]
    holder: dict[int, int] = {}
    turn = 0
    for request in requests:
        if request.after is None:
            holder[request.number] = turn % workers
            turn += 1
        else:
            holder[request.number] = holder[request.after]
        hands[holder[request.number]].append(request)
    return hands


def deal_places(places: int | None, workers: int) -> list[int | None]:
    """Deals the places of a loop, as evenly as it goes. A worker without a place gets 0, and hence no requests."""
    if places is None:
        return [None] * workers
    return [places // workers + (worker < places % workers) for worker in range(workers)]
