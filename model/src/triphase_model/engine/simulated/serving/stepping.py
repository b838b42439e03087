"""Continuous batching, step by step: who runs, who waits, what a step costs, and who must give memory back.

Its rule: a step makes one token for each request whose prompt has been read, and reads prompts with what is left of
its tokens, first come, first in. Where memory runs out, the one that came last starts over, before those that wait.
What a step costs is linear in what it does (`settings.Steps`). Draws belong to the step, since all share it.
"""

from collections import deque

from triphase_model.engine.simulated.serving.chance import Climate, drawer, factor
from triphase_model.engine.simulated.serving.jobs import Full, Made, Run, TooLong
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.settings import Jitter, Steps
from triphase_model.engine.simulated.serving.working_time import WorkingTime

_NS = 1e9


class StepMachine:
    """See `ports.Machine`. `preemptions` counts how often a request had to start over, `steps` the steps."""

    def __init__(
        self,
        timing: Steps,
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
        self._climate = climate
        self._working = working
        self._cache = cache
        self._speculative = speculative
        self._random = drawer(seed, "steps")
        self._line: deque[Run] = deque()
        self._batch: list[Run] = []
        self._reading: list[tuple[Run, int]] = []
        self._held = 0
        self._end_ns: int | None = None
        self.preemptions = 0
        self.steps = 0

    @property
    def running(self) -> int:
        """How many are in the batch."""
        return len(self._batch)

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        return len(self._line)

    @property
    def memory_share(self) -> float:
        """How much of the memory is taken."""
        return self._held / self._timing.memory_tokens

    def submit(self, run: Run) -> None:
        """Puts a request into the line, and begins a step if none is under way."""
        if run.job.prompt_tokens + run.job.output_tokens > self._timing.memory_tokens:
            raise TooLong
        if len(self._line) >= self._timing.max_waiting:
            raise Full
        self._line.append(run)
        if self._end_ns is None:
            self._begin(run.submitted_ns)

    def drop(self, run: Run, now_ns: int) -> None:  # noqa: ARG002 - the same for all machines
        """Takes a request out of the line or the batch; the step under way goes on for the others."""
        if run.ended or run.dropped:
            return
        run.dropped = True
        if run in self._batch:
            self._batch.remove(run)
            self._held -= run.context
        else:
            self._line.remove(run)

    def due_ns(self) -> int | None:
        """When the step under way ends."""
        return self._end_ns

    def advance(self, now_ns: int, *, most: int) -> list[Made]:
        """The chunks of all steps that have ended by now; a step is never halved."""
        made: list[Made] = []
        while self._end_ns is not None and self._end_ns <= now_ns and len(made) < most:
            end_ns = self._end_ns
            self._finish(end_ns, made)
            self._begin(end_ns)
        return made

    def _begin(self, now_ns: int) -> None:
        self._make_room()
        making = [run for run in self._batch if not run.to_prefill]
        context = sum(run.context for run in making)
        self._reading = self._chosen(self._timing.max_batched_tokens - len(making), now_ns)
        read = sum(tokens for _, tokens in self._reading)
        if not making and not read:
            self._end_ns = None
            return
        timing = self._timing
        work_s = timing.step_s + timing.sequence_s * len(making) + timing.context_token_s * context
        work_s += timing.prefill_token_s * read
        work_s *= factor(self._random, self._jitter) * self._climate.at(now_ns)
        self._end_ns = self._working.after(now_ns, work_s * _NS)
        self.steps += 1

    def _make_room(self) -> None:
        """Sends the last ones back into the line until the others' next tokens fit."""
        while self._held + sum(self._growth(run) for run in self._batch) > self._timing.memory_tokens:
            last = self._batch.pop()
            self._held -= last.context
            last.context = last.to_prefill = 0
            last.preemptions += 1
            self.preemptions += 1
            self._line.appendleft(last)

    def _growth(self, run: Run) -> int:
        """How many tokens a request's next step makes, at most."""
        return run.job.chunks[run.chunk] if self._speculative else 1

    def _chosen(self, left: int, now_ns: int) -> list[tuple[Run, int]]:
        """Which prompts are read, and how many tokens of each; lets requests in from the line."""
        chosen: list[tuple[Run, int]] = []
        for run in self._batch:
            if run.to_prefill and left > 0:
                chosen.append((run, min(run.to_prefill, left)))
                left -= chosen[-1][1]
        while left > 0 and self._line and self._fits(run := self._line[0]):
            self._line.popleft()
            self._let_in(run, now_ns)
            chosen.append((run, min(run.to_prefill, left)))
            left -= chosen[-1][1]
        return chosen

    def _fits(self, run: Run) -> bool:
        """Whether the next one may come in: its context so far, and what all of the batch make in this step."""
        if len(self._batch) >= self._timing.max_sequences:
            return False
        growth = sum(self._growth(other) for other in self._batch) + self._growth(run)
        return self._held + run.job.prompt_tokens + run.made + growth <= self._timing.memory_tokens

    def _let_in(self, run: Run, now_ns: int) -> None:
        cached = self._cache.hit(run.job.blocks, run.job.prompt_tokens)
        if run.admitted_ns is None:
            run.admitted_ns = now_ns
            run.cached_tokens = cached
        # What it had made before it was sent back is read again, like a prompt.
        run.context = run.job.prompt_tokens + run.made
        run.to_prefill = run.context - cached
        self._held += run.context
        self._batch.append(run)

    def _finish(self, end_ns: int, made: list[Made]) -> None:
        """Ends a step: prompts that are whole give their first token, all others their next."""
        making = {id(run) for run in self._batch if not run.to_prefill}
        for run, tokens in self._reading:
            run.to_prefill -= tokens
            if not run.to_prefill and not run.dropped:
                run.prefilled_ns = end_ns if run.prefilled_ns is None else run.prefilled_ns
                self._cache.keep(run.job.blocks)
                making.add(id(run))
        self._reading = []
        for run in self._batch:
            if id(run) in making:
                self._make(run, end_ns, made)
        if made and any(run.ended for run in self._batch):
            self._batch = [run for run in self._batch if not run.ended]

    def _make(self, run: Run, end_ns: int, made: list[Made]) -> None:
        tokens = self._growth(run)
        run.made += tokens
        run.context += tokens
        self._held += tokens
        if run.made == run.bounds[run.chunk]:
            made.append(Made(run, run.chunk, end_ns))
            run.chunk += 1
            if run.ended:
                self._held -= run.context
