"""A queue as textbooks have it: M/M/1, M/D/1, M/M/c, if requests come at random. What theory knows is `theory.py`.

Its rule: first come, first served, by as many servers as there are; how long a request is served is drawn by its key.
The first chunk comes when service begins, the last when it ends.
"""

import heapq
from collections import deque

from triphase_model.engine.simulated.serving.chance import Climate, drawer
from triphase_model.engine.simulated.serving.jobs import Made, Run
from triphase_model.engine.simulated.serving.settings import Queue
from triphase_model.engine.simulated.serving.working_time import WorkingTime

_NS = 1e9


class QueueMachine:
    """See `ports.Machine`."""

    def __init__(self, timing: Queue, *, seed: int, climate: Climate, working: WorkingTime) -> None:
        self._timing = timing
        self._seed = seed
        self._climate = climate
        self._working = working
        self._line: deque[Run] = deque()
        self._due: list[tuple[int, int, Run]] = []
        self._turn = 0
        self._served = 0

    @property
    def running(self) -> int:
        """How many are served."""
        return self._served

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        return len(self._line)

    @property
    def memory_share(self) -> float:
        """The share of servers that are busy."""
        return self._served / self._timing.servers

    def submit(self, run: Run) -> None:
        """Serves a request, or puts it into the line."""
        if self._served < self._timing.servers:
            self._serve(run, run.submitted_ns)
        else:
            self._line.append(run)

    def drop(self, run: Run, now_ns: int) -> None:
        """Forgets a request; its server, if it had one, takes the next."""
        if run.ended or run.dropped:
            return
        run.dropped = True
        if run.admitted_ns is None:
            self._line.remove(run)
        else:
            self._free(now_ns)

    def due_ns(self) -> int | None:
        """When the next chunk is due."""
        while self._due and self._due[0][2].dropped:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def advance(self, now_ns: int, *, most: int) -> list[Made]:
        """The chunks that are due."""
        made: list[Made] = []
        while self._due and self._due[0][0] <= now_ns and len(made) < most:
            due_ns, _, run = heapq.heappop(self._due)
            if run.dropped:
                continue
            made.append(Made(run, run.chunk, due_ns))
            run.made = run.bounds[run.chunk]
            run.chunk += 1
            if run.ended:
                self._free(due_ns)
            else:
                self._push(run)
        return made

    def _serve(self, run: Run, now_ns: int) -> None:
        self._served += 1
        mean_ns = self._timing.service_s * _NS * self._climate.at(now_ns)
        drawn = drawer(self._seed, run.job.key, "service").expovariate(1.0)
        run.service_ns = mean_ns if self._timing.service == "constant" else mean_ns * drawn
        run.admitted_ns = run.prefilled_ns = now_ns
        self._push(run)

    def _free(self, now_ns: int) -> None:
        self._served -= 1
        if self._line:
            self._serve(self._line.popleft(), now_ns)

    def _push(self, run: Run) -> None:
        assert run.admitted_ns is not None
        last = len(run.bounds) - 1
        share = run.chunk / last if last else 1.0
        self._turn += 1
        due_ns = self._working.after(run.admitted_ns, run.service_ns * share)
        heapq.heappush(self._due, (due_ns, self._turn, run))
