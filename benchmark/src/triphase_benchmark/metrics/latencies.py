"""The measures of one request, as the glossary defines them: seconds for each request, NaN where undefined.

Its rule: only a request that has answered has a latency; how long a failure took says nothing of an engine's speed. No
time is made up: what was not streamed has no first token, thoughts that were not shown hide when it came.
"""

from collections.abc import Callable

import numpy as np

from triphase_benchmark.metrics.requests import Bools, Floats, Requests

_NS = 1e9


def ttft(requests: Requests) -> Floats:
    """First token chunk on any channel - sent. Undefined if the engine thought, and showed none of it."""
    return _first_token_since(requests, requests.sent)


def ttft_scheduled(requests: Requests) -> Floats:
    """First token chunk on any channel - scheduled."""
    return _first_token_since(requests, requests.scheduled)


def ttfa(requests: Requests) -> Floats:
    """First token chunk of output - sent."""
    return _of_answers(requests, (requests.first_of(requests.chunk_output) - requests.sent) / _NS)


def ttfa_scheduled(requests: Requests) -> Floats:
    """First token chunk of output - scheduled."""
    return _of_answers(requests, (requests.first_of(requests.chunk_output) - requests.scheduled) / _NS)


def e2e(requests: Requests) -> Floats:
    """Ended - sent."""
    return _of_answers(requests, (requests.ended - requests.sent) / _NS)


def e2e_scheduled(requests: Requests) -> Floats:
    """Ended - scheduled."""
    return _of_answers(requests, (requests.ended - requests.scheduled) / _NS)


def tpot(requests: Requests) -> Floats:
    """(E2E - TTFT) / (output tokens - tokens in the first token chunk). Undefined if the divisor is 0."""
    later = _later_tokens(requests)
    waited = np.where(np.isnan(ttft(requests)), np.nan, requests.ended - requests.first_time())
    return waited / np.where(later > 0, later * _NS, np.nan)


def nothing_later(requests: Requests) -> Bools:
    """Whether TPOT is undefined since all tokens came at once: then nothing can have been slow."""
    result: Bools = ~np.isnan(ttft(requests)) & (_later_tokens(requests) <= 0)
    return result


def ntpot(requests: Requests) -> Floats:
    """E2E / output tokens."""
    tokens = requests.output_tokens
    return _of_answers(requests, (requests.ended - requests.sent) / np.where(tokens > 0, tokens * _NS, np.nan))


def user_speed(requests: Requests) -> Floats:
    """1 / TPOT, in tokens per second. Undefined where TPOT is 0, too."""
    each = tpot(requests)
    return 1 / np.where(each > 0, each, np.nan)


def reasoning_tokens(requests: Requests) -> Floats:
    """Tokens of thoughts, by the engine's usage."""
    return _of_answers(requests, requests.reasoning_tokens)


def schedule_delay(requests: Requests) -> Floats:
    """Sent - scheduled, of failed requests too: it measures the client."""
    return (requests.sent - requests.scheduled) / _NS


def accepted(requests: Requests) -> Floats:
    """The gateway's `started` event - sent."""
    return _of_answers(requests, (requests.accepted - requests.sent) / _NS)


def prompt_summary(requests: Requests) -> Floats:
    """The gateway's summary of the prompt - sent."""
    return _of_answers(requests, (requests.prompt_summary - requests.sent) / _NS)


def reasoning_summary(requests: Requests) -> Floats:
    """The gateway's first summary of the thoughts - sent."""
    return _of_answers(requests, (requests.reasoning_summary - requests.sent) / _NS)


def icl(requests: Requests) -> Floats:
    """The gaps between successive token chunks of what was measured and has answered, all in one pool."""
    return _gaps(requests, _with_a_gap(requests))


def itl(requests: Requests) -> Floats:
    """The same gaps by token: the first of a chunk waited for the whole gap, the others of it for none.

    Empty unless the engine tells, of all requests, how many tokens each chunk holds: half a pool is none.
    """
    if comes_one_by_one(requests):
        return icl(requests)
    counted = _with_a_gap(requests)
    tokens = requests.chunk_tokens[counted]
    if np.isnan(tokens).any():
        return np.empty(0)
    more = int(np.maximum(tokens - 1, 0).sum())
    counted[counted] = tokens > 0
    gaps = _gaps(requests, counted)
    return np.concatenate([gaps, np.zeros(more)]) if more else gaps


def comes_one_by_one(requests: Requests) -> bool:
    """Whether each chunk holds one token, as far as is told of all, so that gaps by token are those between chunks."""
    return bool((requests.chunk_tokens == 1).all())


# What a service level objective may bound, and what it then bounds in an open loop: there, a request that could not be
# sent in time has waited all the same.
BOUNDED: dict[str, Callable[[Requests], Floats]] = {
    "ttft": ttft,
    "ttft_scheduled": ttft_scheduled,
    "ttfa": ttfa,
    "e2e": e2e,
    "e2e_scheduled": e2e_scheduled,
    "tpot": tpot,
    "ntpot": ntpot,
}
BOUNDED_IN_OPEN_LOOP = BOUNDED | {"ttft": ttft_scheduled, "ttfa": ttfa_scheduled, "e2e": e2e_scheduled}


def _of_answers(requests: Requests, values: Floats) -> Floats:
    return np.where(requests.answered, values, np.nan)


def _first_token_since(requests: Requests, begin: Floats) -> Floats:
    shown = np.where(requests.hidden_thoughts, np.nan, requests.first_time())
    return _of_answers(requests, (shown - begin) / _NS)


def _later_tokens(requests: Requests) -> Floats:
    return requests.output_tokens - requests.first_tokens()


def _with_a_gap(requests: Requests) -> Bools:
    """Which chunks have another before them in their request, of what was measured and has answered."""
    later = np.repeat(requests.measured & requests.answered, requests.chunks)
    later[requests.offsets[:-1][requests.chunks > 0]] = False
    return later


def _gaps(requests: Requests, chunks: Bools) -> Floats:
    """The gaps before these chunks, none of which is the first of all."""
    return np.diff(requests.chunk_times)[chunks[1:]] / _NS
