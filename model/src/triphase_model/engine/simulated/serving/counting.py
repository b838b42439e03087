"""What the engine has served, counted as vLLM counts it, and its text for Prometheus.

Its rule: a token counts when it has been handed to the connection, a request when it has ended; so counters agree
exactly with what clients got. Names and buckets are vLLM's; what each is, is said in the text itself.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

_SECONDS: Final = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
_GAPS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10)
_LONG: Final = (0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960)
_TOKENS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)

# Name → what it is, and its buckets. All times are seconds.
HISTOGRAMS: Final[Mapping[str, tuple[str, tuple[float, ...]]]] = {
    "time_to_first_token_seconds": ("From the request to its first token.", _SECONDS),
    "inter_token_latency_seconds": ("Between chunks.", _GAPS),
    "request_time_per_output_token_seconds": ("Mean of a request between its tokens.", _GAPS),
    "e2e_request_latency_seconds": ("From the request to its end.", _LONG),
    "request_queue_time_seconds": ("Before it ran.", _LONG),
    "request_prefill_time_seconds": ("From then to its first token.", _LONG),
    "request_decode_time_seconds": ("From its first token to its last.", _LONG),
    "request_inference_time_seconds": ("While it ran.", _LONG),
    "request_prompt_tokens": ("Tokens of prompts.", _TOKENS),
    "request_generation_tokens": ("Tokens of answers.", _TOKENS),
}

COUNTERS: Final[Mapping[str, str]] = {
    "prompt_tokens": "Tokens of prompts read.",
    "prompt_tokens_cached": "Tokens of prompts that the prefix cache held.",
    "generation_tokens": "Tokens made.",
    "prefix_cache_queries": "Tokens looked up in the prefix cache.",
    "prefix_cache_hits": "Tokens found there.",
    "num_preemptions": "Requests that had to start over.",
}

GAUGES: Final[Mapping[str, str]] = {
    "num_requests_running": "Requests in the batch.",
    "num_requests_waiting": "Requests in the line.",
    "kv_cache_usage_perc": "Share of the memory that is taken, 0 to 1.",
}


class Histogram:
    """How many values fell into each bucket, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts:
    """All counters and histograms."""

    def __init__(self) -> None:
        self.prompt_tokens = 0
        self.cached_tokens = 0
        self.generation_tokens = 0
        self.preemptions = 0
        self.ended: Counter[str] = Counter({"stop": 0, "length": 0, "abort": 0})
        self.histograms = {name: Histogram(bounds) for name, (_, bounds) in HISTOGRAMS.items()}

    def observe(self, values: Mapping[str, float | None]) -> None:
        """Counts values of histograms by their names; what is unknown is not counted."""
        for name, value in values.items():
            if value is not None:
                self.histograms[name].observe(value)

    def gaps(self, sent_ns: list[int]) -> None:
        """Counts the times between chunks."""
        observe = self.histograms["inter_token_latency_seconds"].observe
        for before, after in pairwise(sent_ns):
            observe((after - before) / 1e9)


def exposition(counts: Counts, *, model: str, gauges: Mapping[str, float], cache: tuple[int, int]) -> bytes:
    """The text of `/metrics`; `cache` are the tokens looked up and found."""
    values = (
        counts.prompt_tokens,
        counts.cached_tokens,
        counts.generation_tokens,
        *cache,
        counts.preemptions,
    )
    escaped = model.replace("\\", "\\\\").replace('"', '\\"')
    label = f'engine="0",model_name="{escaped}"'
    return "".join(_lines(counts, label, gauges, dict(zip(COUNTERS, values, strict=True)))).encode()


def _lines(counts: Counts, label: str, gauges: Mapping[str, float], values: Mapping[str, int]) -> Iterator[str]:
    for name, text in GAUGES.items():
        yield from _family(name, "gauge", text, [("", label, gauges[name])])
    for name, text in COUNTERS.items():
        yield from _family(f"{name}_total", "counter", text, [("", label, values[name])])
    ended = [("", f'{label},finished_reason="{reason}"', number) for reason, number in sorted(counts.ended.items())]
    yield from _family("request_success_total", "counter", "Requests that ended, by why.", ended)
    for name, histogram in counts.histograms.items():
        yield from _family(name, "histogram", HISTOGRAMS[name][0], _buckets(histogram, label))


def _family(name: str, kind: str, text: str, samples: Iterable[tuple[str, str, float]]) -> Iterator[str]:
    yield f"# HELP vllm:{name} {text}\n# TYPE vllm:{name} {kind}\n"
    for suffix, labels, value in samples:
        yield f"vllm:{name}{suffix}{{{labels}}} {value}\n"


def _buckets(histogram: Histogram, label: str) -> Iterator[tuple[str, str, float]]:
    below = 0
    for bound, number in zip((*histogram.bounds, None), histogram.counts, strict=True):
        below += number
        yield "_bucket", f'{label},le="{"+Inf" if bound is None else float(bound)}"', below
    yield "_sum", label, histogram.total
    yield "_count", label, below
