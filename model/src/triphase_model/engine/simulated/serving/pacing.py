"""Time for each request on its own: its first token after a while, then one after the other, whatever else runs.

Its rule: a chunk's due time follows from the one before it, never from when that was sent, so that lateness does not
add up; and all draws of a request are keyed by it. With all times 0 this is the null engine: requests take turns.
"""

import heapq

from triphase_model.engine.simulated.serving.chance import Climate, drawer, factor
from triphase_model.engine.simulated.serving.jobs import Made, Run
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.settings import Jitter, Paced
from triphase_model.engine.simulated.serving.working_time import WorkingTime

_NS = 1e9


class PacedMachine:
    """See `ports.Machine`; nothing ever waits here."""

    def __init__(
        self,
        timing: Paced,
        *,
        jitter: Jitter,
        seed: int,
        climate: Climate,
        working: WorkingTime,
        cache: PrefixCache,
        speculative: bool = False,
    ) -> None:
        self._timing = timing
        self._jitter = jitter
        self._seed = seed
        self._climate = climate
        self._working = working
        self._cache = cache
        self._speculative = speculative
        self._due: list[tuple[int, int, Run]] = []
        self._turn = 0
        self._running = 0

    @property
    def running(self) -> int:
        """How many answers are under way."""
        return self._running

    @property
    def waiting(self) -> int:
        """None."""
        return 0

    @property
    def memory_share(self) -> float:
        """None of it is counted."""
        return 0.0

    def submit(self, run: Run) -> None:
        """Begins an answer."""
        now_ns = run.admitted_ns = run.submitted_ns
        if self._jitter.kind != "none":
            run.random = drawer(self._seed, run.job.key, "pace")
        run.cached_tokens = self._cache.hit(run.job.blocks, run.job.prompt_tokens)
        timing = self._timing
        to_read = run.job.prompt_tokens - run.cached_tokens
        first_ns = (timing.first_s + timing.prefill_token_s * to_read) * _NS
        more = 0 if self._speculative else run.job.chunks[0] - 1
        self._running += 1
        run.prefilled_ns = self._push(run, now_ns, first_ns + more * timing.token_s * _NS)
        self._cache.keep(run.job.blocks)

    def drop(self, run: Run, now_ns: int) -> None:  # noqa: ARG002 - the same for all machines
        """Forgets an answer."""
        if not run.ended and not run.dropped:
            run.dropped = True
            self._running -= 1

    def due_ns(self) -> int | None:
        """When the next chunk is due."""
        while self._due and self._due[0][2].dropped:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def advance(self, now_ns: int, *, most: int) -> list[Made]:
        """The chunks that are due."""
        made: list[Made] = []
        due = self._due
        while due and due[0][0] <= now_ns and len(made) < most:
            due_ns, _, run = heapq.heappop(due)
            if run.dropped:
                continue
            made.append(Made(run, run.chunk, due_ns))
            run.made = run.bounds[run.chunk]
            run.chunk += 1
            if run.ended:
                self._running -= 1
            else:
                tokens = 1 if self._speculative else run.job.chunks[run.chunk]
                self._push(run, due_ns, self._timing.token_s * tokens * _NS)
        return made

    def _push(self, run: Run, begin_ns: int, work_ns: float) -> int:
        """Makes the next chunk due after this work; returns when that is."""
        if work_ns:
            work_ns *= self._climate.at(begin_ns)
            if run.random is not None:
                work_ns *= factor(run.random, self._jitter)
        self._turn += 1
        due_ns = self._working.after(begin_ns, work_ns)
        heapq.heappush(self._due, (due_ns, self._turn, run))
        return due_ns
