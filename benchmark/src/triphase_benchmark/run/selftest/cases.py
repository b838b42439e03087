"""What the self-test tries: answers of every shape and fault, paced streams, queues, equal engines, a starved client.

Its rule: a case says all that is particular about it, so that a new one is a new row. Seeds are fixed, so that what
chance allows once it allows always.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from triphase_model.engine.simulated.serving import theory

from triphase_benchmark.client.calibration import ClientLoad
from triphase_benchmark.records.error_kinds import ErrorKind

FIRST_S = 0.05
TOKEN_S = 0.02
# What a stalled answer is waited for.
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCase:
    """`streams` at once, evenly spread, each of `tokens`; `waves` of them, one after the other."""

    streams: int
    waves: int
    tokens: int = 64

    @property
    def name(self) -> str:
        """How the table calls it."""
        return f"{self.streams} paced stream{'' if self.streams == 1 else 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCase:
    """A queue of one server at which requests come at random, so that waits are known in theory: TTFT is the wait.

    `batches` of requests, each long enough to be nearly independent of the one before it, after one that is left out.
    """

    name: str
    service: Literal["exponential", "constant"]
    service_s: float = 0.005
    busy: float = 0.5
    batches: int = 20
    each: int = 100
    seed: int = 1

    @property
    def arrivals_per_s(self) -> float:
        """On average."""
        return self.busy / self.service_s

    @property
    def mean_wait_s(self) -> float:
        """By theory."""
        mean = theory.mmc_mean_wait if self.service == "exponential" else theory.md1_mean_wait
        return mean(self.arrivals_per_s, 1 / self.service_s)

    @property
    def p99_wait_s(self) -> float:
        """By theory."""
        quantile = theory.mmc_wait_quantile if self.service == "exponential" else theory.md1_wait_quantile
        return quantile(0.99, self.arrivals_per_s, 1 / self.service_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCase:
    """Sessions of two engines on a simulated clock, of which one is slower by `effect`."""

    name: str
    effect: float
    seeds: int = 400
    rounds: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StarvedCase:
    """A client that has one core, `beside` processes that use all of it."""

    name: str
    load: ClientLoad
    beside: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is done to a request, and what must be said of it; `None`: it succeeds all the same."""

    what: Mapping[str, Any]
    kind: ErrorKind | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCase:
    """`like`: its profile there, `asked_by`: ours. `tells_chunks`: of each chunk, how many tokens it holds."""

    name: str
    like: str
    asked_by: str
    settings: tuple[str, ...]
    requests: int = 24
    tells_chunks: bool = True
    faults: tuple[Fault, ...] = field(default=())


TIMED = (
    TimedCase(streams=1, waves=12),
    TimedCase(streams=64, waves=3),
    TimedCase(streams=256, waves=3),
)

QUEUES = (
    QueueCase(name="a queue, M/M/1", service="exponential"),
    QueueCase(name="a queue, M/D/1", service="constant"),
)

COMPARED = (
    ComparedCase(name="two equal engines", effect=0.0),
    ComparedCase(name="one of two 5% slower", effect=0.05),
)

STARVED = (
    StarvedCase(name="a client without a core", load=ClientLoad(streams=64, events_per_s=1 / TOKEN_S, duration_s=3.0)),
)

_QUICK = ("timing.kind=paced", "timing.first_s=0.01", "timing.token_s=0.002")
_SHAPES = (
    *("wire.pieces=3", "wire.unicode=true", "wire.line_end=crlf", "wire.comment_every=2", "wire.role=early"),
    *("wire.usage=every", "wire.done=false", "wire.empty_content=null", "wire.reasoning_details=true"),
)
FAULTS = (
    Fault(what={"kind": "status", "status": 500}, kind=ErrorKind.STATUS),
    Fault(what={"kind": "status", "status": 429}, kind=ErrorKind.STATUS),
    Fault(what={"kind": "reset", "at": "head"}, kind=ErrorKind.RESET),
    Fault(what={"kind": "reset", "at": "stream", "after_chunks": 3}, kind=ErrorKind.RESET),
    Fault(what={"kind": "stall", "at": "stream", "after_chunks": 2}, kind=ErrorKind.TIMEOUT),
    Fault(what={"kind": "error_frame", "after_chunks": 2}, kind=ErrorKind.IN_BAND),
    Fault(what={"kind": "garble", "what": "html"}, kind=ErrorKind.PROTOCOL),
    Fault(what={"kind": "garble", "what": "invalid_json", "after_chunks": 1}, kind=ErrorKind.PROTOCOL),
    Fault(what={"kind": "garble", "what": "empty_body"}, kind=ErrorKind.TRUNCATED),
    Fault(what={"kind": "garble", "what": "cut", "after_chunks": 4}, kind=ErrorKind.TRUNCATED),
    Fault(what={"kind": "garble", "what": "no_done"}, kind=None),
    Fault(what={"kind": "garble", "what": "no_finish_reason"}, kind=None),
)

COUNTED = (
    CountedCase(name="tokens one by one", like="vllm", asked_by="vllm", settings=(*_QUICK, "lengths.reasoning=8")),
    CountedCase(
        name="several tokens a chunk",
        like="vllm",
        asked_by="vllm",
        settings=(*_QUICK, "chunking.tokens=3", "chunking.spread=geometric", "chunking.first=5", "lengths.reasoning=8"),
    ),
    CountedCase(
        name="usage at the end only",
        like="friendli",
        asked_by="friendli-container",
        settings=(*_QUICK, "chunking.tokens=2", "lengths.reasoning=8"),
        tells_chunks=False,
    ),
    CountedCase(
        name="split events, CRLF, comments",
        like="vllm",
        asked_by="vllm",
        settings=(*_QUICK, *_SHAPES, "lengths.reasoning=8"),
    ),
    CountedCase(name="faults", like="vllm", asked_by="vllm", settings=(*_QUICK, "lengths.reasoning=4"), faults=FAULTS),
)
