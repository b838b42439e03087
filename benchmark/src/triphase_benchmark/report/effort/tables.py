"""The sentences and tables of a probe, as values: what the terminal, the page and the picture say alike.

Its rule: the verdict and its reason come first, then the conditions under which they hold. Where no figure may be told
there is none: lengths and ratios are dashes, and how requests ended is told all the same.
"""

from collections.abc import Sequence
from math import exp

from triphase_benchmark.effort.design import CONTROL
from triphase_benchmark.effort.evidence import Pair
from triphase_benchmark.effort.facts import LevelFacts
from triphase_benchmark.effort.outcome import Probed
from triphase_benchmark.effort.values import Verdict
from triphase_benchmark.report.tables import Cell, Table, Tone
from triphase_benchmark.report.words import SIMULATED, UNDEFINED, duration, harmless, named, share, significant
from triphase_benchmark.statistics.intervals import Interval

_TONES: dict[Verdict, Tone] = {
    Verdict.GRADED: "good",
    Verdict.BINARY: "good",
    Verdict.NONE: "bad",
    Verdict.NON_MONOTONE: "bad",
    Verdict.CENSORED: "bad",
    Verdict.INVALID: "bad",
    Verdict.INCONCLUSIVE: "dim",
}
_LEAST_P = 0.0001
_SEEN = 0.5  # a ratio below which nobody doubts that thinking was off


def headline(probed: Probed) -> str:
    """The verdict in a sentence."""
    who = named(probed.asked.engine) + (SIMULATED if probed.asked.simulated else "")
    return f"{who}, {harmless(probed.asked.field, 60)}: {probed.judgement.verdict.value}. {_reason(probed)}"


def _reason(probed: Probed) -> str:
    text = harmless(probed.judgement.reason)
    return f"{text[:1].upper()}{text[1:]}."


def verdict_tone(probed: Probed) -> Tone:
    """What colour adds to it."""
    return _TONES[probed.judgement.verdict]


def conditions(probed: Probed) -> tuple[str, ...]:
    """How it was measured, in lines."""
    asked, design = probed.asked, probed.design
    limit = f"at most {asked.limit} tokens each" if asked.limit is not None else "as long as the engine lets them be"
    warmth = "the engine's own temperature" if asked.temperature is None else f"temperature {asked.temperature:g}"
    now = design.stages[probed.stage - 1]
    place = f"stage {probed.stage} of {len(design.stages)} at most"
    size = f"{now.prompts} prompts {asked.prompts}, {now.draws} seeds"
    lines = [
        f"{harmless(asked.model, 80)}: {len(probed.samples)} of {probed.planned} requests, {place} ({size}), {warmth}.",
        f"Answers {limit}, {asked.concurrency} at a time, in {duration(probed.took_s)}; seed {design.seed}.",
    ]
    evidence = probed.evidence
    if evidence is None:
        return tuple(lines)
    lines.append(f"Reasoning is counted by {evidence.source.value}.")
    if evidence.twin_differences.size:
        ratio = exp(float(evidence.twin_differences.mean()))
        chance = p_written(evidence.twin_p_value)
        lines.append(f"Control: {evidence.twin} asked for again gives {ratio_written(ratio)} ({chance}).")
    if evidence.control_differences.size:
        ratio = exp(float(evidence.control_differences.mean()))
        off = design.shown(evidence.control)
        told = "the measure sees a change" if ratio < _SEEN else "this does not switch it off"
        lines.append(f"Positive control: {off} gives {ratio_written(ratio)} of {evidence.twin}: {told}.")
    if evidence.trend is not None:
        lines.append(f"Trend along the levels: Page's L = {evidence.trend[0]:g} ({p_written(evidence.trend[1])}).")
    return tuple(lines)


def notes(probed: Probed) -> tuple[str, ...]:
    """What one should know beside the verdict."""
    found = [harmless(note) for note in probed.notes]
    for facts in probed.facts:
        name = probed.design.shown(facts.name)
        if facts.empty:
            found.append(
                f"{name}: {facts.empty} of {facts.asked - facts.failed} answers are empty beside their reasoning"
            )
        if facts.over:
            found.append(f"{name}: {facts.over} of {facts.asked - facts.failed} answers thought for longer than that")
        if facts.applied and facts.applied != (facts.name,) and facts.name in probed.design.names:
            found.append(f"{name}: the gateway says that it applied {', '.join(facts.applied)}")
    if probed.asked.temperature == 0:
        found.append("at temperature 0 seeds repeat each other: only prompts count")
    return tuple(found)


def level_table(probed: Probed) -> Table:
    """Each level by itself."""
    checked = any(facts.checked for facts in probed.facts)
    columns = ("level", "reasoning tokens", "answer characters", *(("right", "95 % interval") if checked else ()))
    return Table(
        "Levels: reasoning tokens as the geometric mean of prompts",
        (*columns, "answers", "cut off", "failed"),
        tuple(_level(facts, probed, checked=checked) for facts in probed.facts),
    )


def pair_table(probed: Probed) -> Table:
    """Each level against each higher one."""
    evidence = probed.evidence
    pairs = evidence.pairs if evidence is not None else ()
    return Table(
        f"Ratios within prompts; p after Holm; equal means within a factor of {probed.design.margin:g}",
        ("pair", "ratio", "95 % interval", "p longer", "p shorter", "p not equal", "prompts"),
        tuple(_pair(pair, probed) for pair in pairs),
    )


def ratio_written(ratio: float) -> str:
    """A ratio of lengths."""
    return f"\N{MULTIPLICATION SIGN}{significant(ratio)}"


def within_written(interval: Interval | None) -> str:
    """The interval of a ratio; empty: there is none."""
    if interval is None or interval.low is None or interval.high is None:
        return ""
    return f"{significant(interval.low)} … {significant(interval.high)}"


def p_written(p_value: float | None) -> str:
    """A p-value."""
    if p_value is None:
        return UNDEFINED
    return f"p < {_LEAST_P:g}" if p_value < _LEAST_P else f"p = {significant(p_value)}"


def _level(facts: LevelFacts, probed: Probed, *, checked: bool) -> tuple[Cell, ...]:
    told = probed.judgement.telling
    cells = [
        Cell(probed.design.shown(facts.name), "dim" if facts.name == CONTROL else ""),
        Cell(UNDEFINED if facts.tokens is None else significant(facts.tokens)),
        Cell(UNDEFINED if facts.answer_characters is None or not told else significant(facts.answer_characters)),
    ]
    if checked:
        cells += _accuracy(facts)
    ill: Sequence[tuple[int, Tone]] = [(facts.cut, "bad"), (facts.failed, "bad")]
    return (*cells, Cell(str(facts.asked)), *(Cell(str(count), tone if count else "") for count, tone in ill))


def _accuracy(facts: LevelFacts) -> list[Cell]:
    if facts.accuracy is None:
        return [Cell(UNDEFINED), Cell(UNDEFINED)]
    low, high = facts.accuracy
    return [Cell(share(facts.right / facts.checked)), Cell(f"{low * 100:.0f} … {high * 100:.0f} %")]


def _pair(pair: Pair, probed: Probed) -> tuple[Cell, ...]:
    interval = pair.interval(seed=probed.design.seed)
    within = within_written(interval) or UNDEFINED
    p_values = (pair.longer, pair.shorter, pair.equal)
    return (
        Cell(f"{pair.high} ÷ {pair.low}"),
        Cell(UNDEFINED if pair.ratio is None else ratio_written(pair.ratio)),
        Cell(within),
        *(Cell(p_written(value).removeprefix("p = ").removeprefix("p ")) for value in p_values),
        Cell(str(pair.differences.size)),
    )
