"""What a run says in a sentence for each pair of engines, or in a sweep for each engine, and under which conditions.

Its rule: a sentence claims what the comparison's verdicts say and no more; the conditions stand below every picture of
the comparison. That simulated engines are called so is `labelled.py`.
"""

from collections.abc import Iterator, Sequence

from triphase_benchmark.report.gathered import Gathered
from triphase_benchmark.report.inputs import Compared, Inputs
from triphase_benchmark.report.knees import Knee, knees
from triphase_benchmark.report.words import duration, harmless, named, share, times, titled

_NAME = 60
_CLIENT = {True: "client ok", False: "CLIENT NOT OK", None: "client not calibrated"}


def title(inputs: Inputs) -> str:
    """Which engines were compared."""
    names = [named(name) for name in inputs.engines]
    baseline = inputs.comparison[0].baseline if inputs.comparison else None
    others = [named(name) for name in inputs.engines if name != baseline]
    return f"{', '.join(others)} against {named(baseline)}" if baseline and others else ", ".join(names)


def verdicts(inputs: Inputs) -> tuple[str, ...]:
    """One sentence for each pair of engines, of a sweep for each knee; what to say where nothing was compared."""
    if told := knee_sentences(inputs):
        return told
    pairs = dict.fromkeys((row.engine, row.baseline) for row in inputs.primary)
    if not pairs:
        return ("Nothing was compared: a comparison needs two engines, and rounds that count.",)
    return tuple(_sentence([row for row in inputs.primary if (row.engine, row.baseline) == pair]) for pair in pairs)


def knee_sentences(inputs: Inputs) -> tuple[str, ...]:
    """Where each engine of a sweep gives in; nothing of a run at one load."""
    at = "at a concurrency of {:g}" if inputs.manifest.get("load_kind") == "closed" else "at {:g} requests/s"
    return tuple(f"{named(knee.engine)} {_gives_in(knee, at)}." for knee in knees(inputs))


def _gives_in(knee: Knee, at: str) -> str:
    if knee.saturated_at is None:
        return f"keeps up {at.format(knee.keeps_up_at)}, the highest load: its knee lies above"
    saturated = f"is saturated {at.format(knee.saturated_at)}"
    if knee.keeps_up_at is None:
        return f"{saturated} already, the lowest load: its knee lies below"
    return f"keeps up {at.format(knee.keeps_up_at)} and {saturated}: its knee lies between"


def conditions(inputs: Inputs, found: Gathered) -> tuple[str, ...]:
    """The lines below a picture: load, rounds, requests, the client's health, the cache, and what is simulated."""
    facts = inputs.facts
    asked = sorted(set(found.asked.values()))
    requests = f"{asked[0]:,}" + (f" to {asked[-1]:,}" if len(asked) > 1 else "") if asked else "no"
    load = (
        f"load {harmless(facts.load or 'unknown', _NAME)} · {_rounds(inputs)} · "
        f"{requests} requests a round and engine · seed {'unknown' if facts.seed is None else facts.seed}"
    )
    lines = [
        load,
        f"{client(inputs)} · cache: {cache(inputs, found)}",
    ]
    if facts.simulated:
        lines.append(f"simulated: {', '.join(named(name) for name in facts.simulated)}")
    return tuple(lines)


def legend(inputs: Inputs) -> str:
    """What the marks of the comparison mean."""
    confidence = inputs.comparison[0].confidence if inputs.comparison else 0.95
    return (
        f"point: geometric mean of the rounds · bar: {confidence * 100:g} % interval · dots: single rounds · "
        "grey: no difference shown"
    )


def client(inputs: Inputs) -> str:
    """The health of the client, with its lag where that was measured."""
    calibration = inputs.facts.calibration
    lag = calibration.lag_p99_s
    return _CLIENT[calibration.client_ok] + (f" (lag p99 {duration(lag)})" if lag is not None else "")


def cache(inputs: Inputs, found: Gathered) -> str:
    """The state of the engines' caches, as planned, and as far as engines tell how much came from there."""
    hits = {
        name: counts.cached_tokens / counts.input_tokens
        for name, counts in found.counts.items()
        if counts.cached_tokens is not None and counts.input_tokens
    }
    told = [f"{named(name)} {share(hit)} of input tokens cached" for name, hit in hits.items() if hit]
    return "; ".join([harmless(inputs.facts.cache or "unknown", 120), *told])


def _rounds(inputs: Inputs) -> str:
    count = len({row.round for row in inputs.rounds})
    return f"{count} round{'' if count == 1 else 's'}"


def _sentence(rows: Sequence[Compared]) -> str:
    first = rows[0]
    most = max(row.rounds for row in rows)
    kind = "paired round" if first.paired else "unpaired round"
    parts = list(_parts(rows))
    return (
        f"In {most} {kind}{'' if most == 1 else 's'}, {named(first.engine)} against "
        f"{named(first.baseline)}: {'; '.join(parts)}."
    )


def _parts(rows: Sequence[Compared]) -> Iterator[str]:
    for verdict in dict.fromkeys(["better", "worse", *(row.verdict for row in rows)]):
        named = [row for row in rows if row.verdict == verdict]
        if named:
            shown = verdict in {"better", "worse"}
            yield f"{verdict} in " + ", ".join(
                _metric(row) + (f" ({times(row.ratio)})" if shown else "") for row in named
            )


def _metric(row: Compared) -> str:
    return harmless(titled(row.metric, row.statistic), _NAME)
