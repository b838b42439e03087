"""A probe from its first cell to its verdict, without any I/O: what is due, what came, and whether it goes on.

Its rule: a stage is asked whole and then judged; the next one follows only where nothing can be told yet. A probe that
can come to nothing any more, since too much has failed, ends at once. Whoever asks takes cells from `batch`, gives
their samples to `take`, and looks at `stopped` before each.
"""

from collections import Counter
from collections.abc import Callable

from triphase_benchmark.effort.design import Design
from triphase_benchmark.effort.values import Cell, Judgement, Sample, Verdict

_IN_A_ROW = 5  # failures after which nothing better is waited for

Judge = Callable[[list[Sample]], Judgement]


class Course:
    """Holds what was measured; `judge` is asked once for each stage."""

    def __init__(self, design: Design, *, judge: Judge) -> None:
        self.design = design
        self.samples: list[Sample] = []
        self.judgement: Judgement | None = None
        self.stage = -1
        self._judge = judge
        self._failed = 0
        self._in_a_row = 0
        self._allowed = 0.0

    @property
    def planned(self) -> int:
        """How many cells there are, as known now: a stage counts once it has begun."""
        return sum(self.design.count(stage) for stage in range(max(self.stage, 0) + 1))

    @property
    def stopped(self) -> bool:
        """Whether the rest of a stage need not be asked: too much has failed for any figure."""
        return self._in_a_row >= _IN_A_ROW or self._failed > self._allowed

    def batch(self) -> tuple[Cell, ...]:
        """The cells of the next stage; none: the probe has ended, and `judgement` says how."""
        if self.stage >= 0:
            self.judgement = self._broken_off() if self.stopped else self._judge(self.samples)
            if self.judgement.verdict is not Verdict.INCONCLUSIVE:
                return ()
        if self.stage + 1 == len(self.design.stages):
            return ()
        self.stage += 1
        # As many as a tenth of all that there will be: a level that fails more often than that is judged at the end.
        self._allowed = self.planned / 10
        return self.design.cells(self.stage)

    def _broken_off(self) -> Judgement:
        failures = Counter((sample.failure, sample.detail) for sample in self.samples if sample.failure)
        (kind, detail), _ = failures.most_common(1)[0]
        return Judgement(
            verdict=Verdict.INVALID,
            reason=f"{self._failed} of {len(self.samples)} requests failed, most of them by {kind}"
            + (f" ({detail})" if detail else ""),
        )

    def take(self, sample: Sample) -> None:
        """Keeps what a cell gave."""
        self.samples.append(sample)
        failed = bool(sample.failure)
        self._failed += failed
        self._in_a_row = self._in_a_row + 1 if failed else 0
