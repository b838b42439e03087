"""How figures and names are written, the same on paper, on screen and in pictures.

Its rule: three significant digits with a unit that fits; what is undefined is a dash with its reason, never a zero; and
text that an engine may have had a hand in is shown without control characters, and cut off.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from triphase_benchmark.report.inputs import Compared, RoundValue

UNDEFINED: Final = "\N{EN DASH}"
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MOST_CHARACTERS: Final = 500
_NAME: Final = 60
# What follows the name of an engine whose speed is made up.
SIMULATED: Final = " (simulated)"


def significant(value: float) -> str:
    """Three significant digits, without an exponent where it would only be harder to read."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else UNDEFINED
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}" if decimals < 8 else f"{value:.2e}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them."""
    size = abs(seconds)
    if size >= 1 or size == 0:
        return f"{significant(seconds)} s"
    return f"{significant(seconds * 1e3)} ms" if size >= 1e-3 else f"{significant(seconds * 1e6)} µs"


def share(value: float) -> str:
    """A share of one, in percent."""
    return f"{significant(value * 100)} %"


def _per_second(of: str) -> Callable[[float], str]:
    return lambda value: f"{significant(value)} {of}/s"


@dataclass(frozen=True, slots=True)
class Label:
    """How one metric is called and written. `meaning` is the long form, for the page."""

    title: str
    meaning: str
    write: Callable[[float], str]


LABELS: Final[Mapping[str, Label]] = {
    "ttft": Label("TTFT", "time to first token, from when the request was sent", duration),
    "ttft_scheduled": Label("TTFT, scheduled", "time to first token, from when the request was due", duration),
    "ttfa": Label("TTFA", "time to first answer token: thoughts do not count", duration),
    "e2e": Label("E2E", "end-to-end latency, from when the request was sent", duration),
    "e2e_scheduled": Label("E2E, scheduled", "end-to-end latency, from when the request was due", duration),
    "tpot": Label("TPOT", "time per output token after the first chunk, by request", duration),
    "itl": Label("ITL", "inter-token latency: gaps between tokens, none within a chunk, in one pool", duration),
    "icl": Label("ICL", "inter-chunk latency: gaps between token chunks, of all requests in one pool", duration),
    "ntpot": Label("NTPOT", "end-to-end latency divided by output tokens", duration),
    "accepted": Label("Accepted", "when the gateway accepted the request, after it was sent", duration),
    "prompt_summary": Label("Prompt summary", "when the gateway told it, after the request was sent", duration),
    "reasoning_summary": Label(
        "Reasoning summary", "when the gateway told its first part, after the request was sent", duration
    ),
    "output_throughput": Label("Output throughput", "output tokens a second in the steady window", _per_second("tok")),
    "total_throughput": Label(
        "Total throughput", "input and output tokens a second, steady window", _per_second("tok")
    ),
    "request_throughput": Label("Request throughput", "requests a second in the steady window", _per_second("req")),
    "user_speed": Label("Speed per user", "output tokens a second that one request sees", _per_second("tok")),
    "goodput": Label("Goodput", "requests a second that met all service level objectives", _per_second("req")),
    "reasoning_tokens": Label("Reasoning tokens", "tokens of thoughts in a request", significant),
    "error_rate": Label("Error rate", "share of requests that failed", share),
    "schedule_delay": Label("Schedule delay", "sent later than due: the client's own slowness", duration),
    "cost": Label("Cost", "cost of a million output tokens, at the given price", significant),
}


def label(metric: str) -> Label:
    """A metric's label; one that is not known here keeps its name."""
    return LABELS.get(metric) or Label(metric, metric, significant)


def titled(metric: str, statistic: str) -> str:
    """A metric and its statistic, which a rate has none of."""
    return label(metric).title + ("" if statistic == "rate" else f" {statistic}")


def written(metric: str, value: float | None) -> str:
    """A value in the metric's unit."""
    return UNDEFINED if value is None or not math.isfinite(value) else label(metric).write(value)


def why_undefined(row: RoundValue) -> str:
    """The reason why a value of a round is not there."""
    if row.void is not None:
        return f"void: {harmless(row.void, _NAME)}"
    if row.undefined is not None:
        return harmless(row.undefined)
    if row.n == 0:
        return "no request has it"
    return f"too few requests for {row.statistic}: n = {row.n}" if row.statistic.startswith("p") else "undefined"


def times(ratio: float | None) -> str:
    """A ratio to the baseline."""
    return UNDEFINED if ratio is None or not math.isfinite(ratio) else f"\N{MULTIPLICATION SIGN}{ratio:.3f}"


def interval(row: Compared) -> str:
    """The interval of a ratio."""
    if row.low is None or row.high is None:
        return UNDEFINED
    return f"{row.low:.3f} … {row.high:.3f}"


def why_no_ratio(row: Compared) -> str:
    """The reason why a ratio or its interval is not there."""
    if row.ratio is None:
        return "no pair of rounds has both values" if not row.ratios else "undefined"
    return f"no interval from {row.rounds} round{'' if row.rounds == 1 else 's'}"


def named(engine: str) -> str:
    """An engine's name, as all pages show it."""
    name = engine.removesuffix(SIMULATED)
    return harmless(name, _NAME) + engine[len(name) :]


def harmless(text: str, most: int = _MOST_CHARACTERS) -> str:
    """The text with control characters written out, and cut off after `most` characters."""
    shown = _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text[: most + 1])
    return shown if len(shown) <= most else shown[:most] + "…"
