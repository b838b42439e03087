"""What the figures say: a table for people, JSON for machines, and which targets are met.

Its rule: ratios and differences are medians over pairs of neighbouring rounds; absolute figures are those of all
rounds together. How they are taken is `measures.py`, what they mean and what they do not show, docs/performance.md.
"""

import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from perf.measures import Memory, Plan, Round
from perf.processes import Cores

LEAST_RATIO = 0.70
MOST_ADDED_S = 0.5e-3
# Two medians of the same thing differ by less than this on a machine that does other work too.
_NOISE_S = 0.25e-3

RAW = "gateway, raw thoughts"

Rounds = Mapping[str, Sequence[Round]]
Times = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All figures of a run. Rounds are by target, `blasts` are those with a goal; times to the first event by pace."""

    cores: Cores
    memory: Mapping[str, Memory]
    open_streams: int
    first_event: Mapping[str, Sequence[float]]
    first_token: Mapping[str, Sequence[float]]
    blasts: Sequence[tuple[Plan, Rounds]]
    others: Sequence[tuple[Plan, Rounds]]

    @property
    def all_rounds(self) -> list[tuple[Plan, Rounds]]:
        """Both kinds."""
        return [*self.blasts, *self.others]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A target, and whether it is met."""

    target: str
    found: str
    met: bool


def verdicts(results: Results) -> list[Verdict]:
    """Compares the figures with the targets."""
    found = []
    for plan, rounds in results.blasts:
        ratio = _ratio(rounds)
        target = f"{LEAST_RATIO:.0%} of the control's tokens per CPU-second, {_streams(plan)}"
        found.append(Verdict(target=target, found=f"{ratio:.0%}", met=ratio >= LEAST_RATIO))
    added_s = _pairwise_s(results.first_token[RAW], results.first_token["control"])
    target = f"at most {_ms(MOST_ADDED_S)} ms added to the control's time to the first token, p50, 1 stream"
    found.append(Verdict(target=target, found=f"{_ms(added_s)} ms", met=added_s <= MOST_ADDED_S))
    silent, blast = (statistics.median(results.first_event[pace]) for pace in ("silent", "blast"))
    target = f"the first event does not wait for the upstream (a silent one: at most {_ms(_NOISE_S)} ms more)"
    found.append(Verdict(target=target, found=f"{_ms(silent - blast)} ms", met=silent - blast <= _NOISE_S))
    return found


def markdown(results: Results) -> str:
    """Returns the tables, the targets after them."""
    return "\n".join(
        [
            *_throughput_table(results),
            "",
            *_latency_table(results),
            "",
            *_first_table(results),
            "",
            *_memory_table(results),
            "",
            *told(verdicts(results)),
        ]
    )


def told(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yields a line for each target."""
    yield from (f"{'met   ' if one.met else 'MISSED'}  {one.target}: {one.found}" for one in verdicts)


def as_json(results: Results) -> dict[str, Any]:
    """Returns everything that was measured, each round by itself; times in seconds, memory in bytes."""
    return {
        "machine": {"system": platform.system(), "python": platform.python_version(), "cpu": platform.machine()},
        "cores": {"servers": sorted(results.cores.servers), "others": sorted(results.cores.others)},
        "memory": {name: asdict(memory) for name, memory in results.memory.items()},
        "open_streams": results.open_streams,
        "first_token_s": {name: list(times) for name, times in results.first_token.items()},
        "first_event_s": {pace: list(times) for pace, times in results.first_event.items()},
        "rounds": [
            {"plan": asdict(plan), "target": name, **asdict(one)}
            for plan, rounds in results.all_rounds
            for name, rounds_of_one in rounds.items()
            for one in rounds_of_one
        ],
        "verdicts": [asdict(verdict) for verdict in verdicts(results)],
    }


def _throughput_table(results: Results) -> Iterator[str]:
    yield "| upstream, streams | server | tokens/CPU-s | of control | tokens/s | events/answer | µs CPU/event |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for plan, rounds in results.all_rounds:
        for name in ("control", "gateway"):
            yield f"| {plan.pace}, {plan.streams} | {name} | {_load(rounds, name)} |"


def _load(rounds: Rounds, name: str) -> str:
    ones = rounds[name]
    tokens, events = sum(one.tokens for one in ones), sum(one.events for one in ones)
    cpu_s, wall_s = sum(one.cpu_s for one in ones), sum(one.wall_s for one in ones)
    answers = sum(len(one.first_output_s) for one in ones)
    ratio = _ratio(rounds) if name == "gateway" else 1.0
    figures = (f"{tokens / cpu_s:,.0f}", f"{ratio:.0%}", f"{tokens / wall_s:,.0f}", f"{events / answers:.1f}")
    return " | ".join((*figures, f"{cpu_s / events * 1e6:.0f}")).replace(",", " ")


def _latency_table(results: Results) -> Iterator[str]:
    yield "| ms | | first token | | added to control | first output token | | added to direct | |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    yield "| upstream, streams | asked | p50 | p99 | p50 | p50 | p99 | p50 | p99 |"
    for plan, rounds in results.all_rounds:
        for name in rounds if "direct" in rounds else ():
            cells = (*_token_cells(rounds, name), *_output_cells(rounds, name))
            yield f"| {plan.pace}, {plan.streams} | {name} | {' | '.join(cells)} |"


def _token_cells(rounds: Rounds, name: str) -> list[str]:
    if name == "gateway":  # shows no token before the first one of the output
        return ["", "", ""]
    times = _first_tokens(rounds, name)
    added_s = _added_s(times, _first_tokens(rounds, "control"))
    return [_ms(_median(times)), _ms(_p99(times)), _ms(added_s)]


def _output_cells(rounds: Rounds, name: str) -> list[str]:
    times, direct = _first_outputs(rounds, name), _first_outputs(rounds, "direct")
    added = (_added_s(times, direct), _p99(times) - _p99(direct))
    return [_ms(_median(times)), _ms(_p99(times)), *map(_ms, added)]


def _first_table(results: Results) -> Iterator[str]:
    yield "| one stream, ms | p50 | p99 | added to control, p50 |"
    yield "|---|--:|--:|--:|"
    bare = results.first_token["control"]
    for name, times in results.first_token.items():
        cells = (_ms(_median([times])), _ms(_p99([times])), _ms(_pairwise_s(times, bare)))
        yield f"| first token, upstream brief: {name} | {' | '.join(cells)} |"
    for pace, times in results.first_event.items():
        yield f"| first event, upstream {pace}: gateway | {_ms(_median([times]))} | {_ms(_p99([times]))} | |"


def _memory_table(results: Results) -> Iterator[str]:
    yield f"| memory | idle, MB | each of {results.open_streams} open streams, kB |"
    yield "|---|--:|--:|"
    for name, memory in results.memory.items():
        yield f"| {name} | {memory.idle / 1e6:.0f} | {memory.per_stream / 1e3:.0f} |"


def _ratio(rounds: Rounds) -> float:
    """The median, over neighbours, of the gateway's tokens per CPU-second to the control's."""
    pairs = zip(rounds["gateway"], rounds["control"], strict=True)
    return statistics.median((ours.tokens / ours.cpu_s) / (bare.tokens / bare.cpu_s) for ours, bare in pairs)


def _first_tokens(rounds: Rounds, name: str) -> Times:
    return [one.first_token_s for one in rounds[name]]


def _first_outputs(rounds: Rounds, name: str) -> Times:
    return [one.first_output_s for one in rounds[name]]


def _added_s(times: Times, to: Times) -> float:
    """The median, over neighbouring rounds, of the difference of their medians."""
    pairs = zip(times, to, strict=True)
    return statistics.median(statistics.median(one) - statistics.median(other) for one, other in pairs)


def _pairwise_s(times: Sequence[float], to: Sequence[float]) -> float:
    """The median of the differences of neighbours."""
    return statistics.median(one - other for one, other in zip(times, to, strict=True))


def _median(times: Times) -> float:
    return statistics.median(chain.from_iterable(times))


def _p99(times: Times) -> float:
    return statistics.quantiles(chain.from_iterable(times), n=100, method="inclusive")[98]


def _streams(plan: Plan) -> str:
    return f"{plan.streams} stream{'s' if plan.streams > 1 else ''}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"
