"""From samples to words: what may be said of an engine after a stage, or that what was measured means nothing.

Its rule: what makes figures worthless is looked for first, and then no figure is told. Every claim has an error rate
that is stated beforehand, split among the stages: of an effect (`alpha`), of no effect (`equivalence`). What is not
shown either way is *inconclusive*, whatever it looks like.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Final

from triphase_benchmark.effort.design import CONTROL, TWIN, Design
from triphase_benchmark.effort.evidence import Evidence, evidence_of, source_of
from triphase_benchmark.effort.values import Judgement, Sample, Verdict

TOLERATED: Final = 0.10  # of the answers of a level: failures, and cuts by a limit
# An answer that ends this far below its limit was cut by something else.
_NEAR_LIMIT = 0.95


def judge(samples: Sequence[Sample], design: Design, *, limit: int | None) -> Judgement:
    """Judges all samples of the stages so far. `limit`: the tokens that an answer might have; `None`: none was set."""
    broken = next((found for look in _LOOKS if (found := look(samples, design, limit)) is not None), None)
    if broken is not None:
        return broken
    evidence = evidence_of(samples, design)
    if evidence is None:
        return _invalid("no answer tells how long its reasoning was")
    if evidence.twin_p_value <= design.alpha / len(design.stages):
        return _invalid(
            f"{evidence.twin} was asked for twice, and the two differ as often as chance does not make them:"
            " what is measured is not the level alone"
        )
    return _effect(evidence, design)


def _invalid(reason: str) -> Judgement:
    return Judgement(verdict=Verdict.INVALID, reason=reason)


# What makes all figures worthless. Each looks at the levels and the twin, arm by arm.


def _failing(samples: Sequence[Sample], design: Design, limit: int | None) -> Judgement | None:  # noqa: ARG001 - as all
    for arm, found in _by_arm(samples, design):
        failed = [sample for sample in found if sample.failure]
        if len(failed) > TOLERATED * len(found):
            kind, count = Counter(sample.failure for sample in failed).most_common(1)[0]
            detail = next(sample.detail for sample in failed if sample.failure == kind)
            told = f" ({detail})" if detail else ""
            return _invalid(f"{len(failed)} of {len(found)} requests for {arm} failed, {count} of them by {kind}{told}")
    return None


def _open(samples: Sequence[Sample], design: Design, limit: int | None) -> Judgement | None:  # noqa: ARG001 - as all
    for arm, found in _by_arm(samples, design):
        endless = sum(not sample.closed and not sample.cut for sample in found)
        if endless > TOLERATED * len(found):
            return _invalid(f"in {endless} of {len(found)} answers for {arm} the reasoning has no closing tag")
    return None


def _cut(samples: Sequence[Sample], design: Design, limit: int | None) -> Judgement | None:
    for arm, found in _by_arm(samples, design):
        cut = [sample for sample in found if sample.cut]
        if len(cut) <= TOLERATED * len(found):
            continue
        lengths = [sample.output_tokens for sample in cut if sample.output_tokens is not None]
        if limit is not None and lengths and max(lengths) < _NEAR_LIMIT * limit:
            return _invalid(
                f"the engine cut {len(cut)} of {len(found)} answers for {arm} at {max(lengths)} tokens or fewer,"
                f" although they might have {limit}"
            )
        told = "their limit" if limit is None else f"the limit of {limit} tokens"
        return Judgement(
            verdict=Verdict.CENSORED,
            reason=f"{len(cut)} of {len(found)} answers for {arm} were cut off by {told}: raise --max-tokens",
        )
    return None


def _thoughtless(samples: Sequence[Sample], design: Design, limit: int | None) -> Judgement | None:  # noqa: ARG001
    counting = [sample for sample in samples if not sample.failure and sample.cell.arm != CONTROL]
    source = source_of(counting)
    if source is not None and all(sample.reasoning[source] == 0 for sample in counting):
        return _invalid(
            "no reasoning was seen at any level: the model does not think, or the engine does not tell its thoughts"
            " apart from the answer"
        )
    return None


_Look = Callable[[Sequence[Sample], Design, int | None], Judgement | None]
_LOOKS: Final[tuple[_Look, ...]] = (_failing, _open, _cut, _thoughtless)


def _by_arm(samples: Sequence[Sample], design: Design) -> list[tuple[str, list[Sample]]]:
    names = (*design.names, TWIN)
    by_arm = [(arm, [sample for sample in samples if sample.cell.arm == arm]) for arm in names]
    return [(arm if arm != TWIN else f"{design.twin_of}, the second time,", found) for arm, found in by_arm if found]


# What the figures say.


def _effect(evidence: Evidence, design: Design) -> Judgement:
    alpha, even = design.alpha / len(design.stages), design.equivalence / len(design.stages)
    equal = {(pair.low, pair.high) for pair in evidence.pairs if pair.equal is not None and pair.equal <= even}
    if len(equal) == len(evidence.pairs):  # a difference that is sure, but within the margin, is none that matters
        return Judgement(
            verdict=Verdict.NONE,
            reason=f"all levels think for equally long, within a factor of {design.margin:g}",
            groups=(design.names,),
        )
    falling = [pair for pair in evidence.pairs if pair.shorter <= alpha]
    if falling:
        worst = min(falling, key=lambda pair: pair.ratio or 1.0)
        reason = f"{worst.high} thinks for less long than {worst.low}, {worst.ratio or 0:.2f} times as long"
        return Judgement(verdict=Verdict.NON_MONOTONE, reason=reason)
    told_apart = {(pair.low, pair.high) for pair in evidence.pairs if pair.longer <= alpha}
    chain = _longest_chain(design.names, told_apart)
    grows = evidence.trend is not None and evidence.trend[1] <= alpha
    if len(chain) > 2 and grows:
        return Judgement(
            verdict=Verdict.GRADED,
            reason=f"reasoning grows with the level: {' < '.join(chain)}",
            groups=_groups(design.names, chain),
        )
    halves = _halves(design.names, told_apart, equal)
    if halves is not None:
        low, high = (", ".join(half) for half in halves)
        more = "" if len(design.names) > 2 else "; with two levels no more can be told"
        return Judgement(verdict=Verdict.BINARY, reason=f"there are two lengths: {low} < {high}{more}", groups=halves)
    return Judgement(verdict=Verdict.INCONCLUSIVE, reason=_open_question(told_apart, chain))


def _longest_chain(levels: Sequence[str], told_apart: set[tuple[str, str]]) -> tuple[str, ...]:
    """The longest run of levels each of which thinks for longer than the one before it."""
    best: dict[str, tuple[str, ...]] = {}
    for level in levels:
        before = [best[lower] for lower in best if (lower, level) in told_apart]
        best[level] = (*max(before, key=len, default=()), level)
    return max(best.values(), key=len)


def _groups(levels: Sequence[str], chain: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Each level of the chain, with those up to the next one."""
    starts = [0, *(levels.index(level) for level in chain[1:]), len(levels)]
    return tuple(tuple(levels[begin:end]) for begin, end in pairwise(starts))


def _halves(
    levels: Sequence[str], told_apart: set[tuple[str, str]], equal: set[tuple[str, str]]
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The two groups of levels, if all of one are shown to differ from all of the other, and to be equal within."""
    for split in range(1, len(levels)):
        low, high = tuple(levels[:split]), tuple(levels[split:])
        across = all((a, b) in told_apart for a in low for b in high)
        if across and all(pair in equal for half in (low, high) for pair in combinations(half, 2)):
            return low, high
    return None


def _open_question(told_apart: set[tuple[str, str]], chain: Sequence[str]) -> str:
    if not told_apart:
        return "no difference is shown, and it is not shown either that there is none: more prompts or seeds may tell"
    return (
        f"reasoning does grow ({' < '.join(chain)}), but it is not shown whether the other levels differ from these:"
        " more prompts or seeds may tell"
    )
