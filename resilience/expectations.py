"""What must come of each fault at each place: a table for exchanges that break off, the core for garbled ones.

Its rule: before the first token a fault is an error, or another attempt where there is somebody to ask; from then on an
error, after exactly what had arrived; no silence and no break behind the finish reason costs anyone an answer. Where a
garbled byte changes the framing, parsers may differ: then what came before it must be told, and an error typed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from triphase_server.core.errors import (
    UpstreamConnectionLost,
    UpstreamError,
    UpstreamFirstByteTimeout,
    UpstreamOutputTimeout,
    UpstreamReasoningTimeout,
)
from triphase_server.rpc.status import TABLE

from resilience.faults import Case, Way
from resilience.recordings import Place, Worth, worth
from resilience.replies import COMPLETED, Reply

# What an exchange that breaks off before its conclusion is, wherever it does; one that stalls is `_silence`.
_BROKEN_OFF: Mapping[Way, type[UpstreamError]] = {
    Way.RESET: UpstreamConnectionLost,
    Way.CLOSE: UpstreamConnectionLost,
}
_UPSTREAMS = frozenset(mapped.reason for kind, mapped in TABLE.items() if issubclass(kind, UpstreamError))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """`outcomes`: the reasons that are right. `told`: the text that must be told, at least or, if `exact`, exactly.

    `most` is the whole text, of which what is told must be a beginning; `None` where a byte of it may have changed.
    """

    outcomes: frozenset[str]
    told: str
    exact: bool
    most: str | None

    def mistakes(self, reply: Reply) -> list[str]:
        """Returns what is wrong with a reply."""
        found = list(reply.mistakes)
        if reply.outcome not in self.outcomes:
            found.append(f"ended as {reply.outcome}, not as {' or '.join(sorted(self.outcomes))}")
        if (reply.told != self.told) if self.exact else not reply.told.startswith(self.told):
            found.append(f"told {reply.told!r} where {self.told!r} had come")
        if self.most is not None and not self.most.startswith(reply.told):
            found.append(f"told {reply.told!r}, which is no beginning of the truth")
        return found


def expectation(case: Case) -> Expectation:
    """Returns what must come of a case, where nobody else can be asked."""
    return _garbled(case) if case.way.garbles else _broken_off(case)


def place(case: Case) -> Place:
    """Returns how far the exchange has come where it breaks."""
    return worth(case.recording.data[: case.offset]).place


def _broken_off(case: Case) -> Expectation:
    arrived = worth(case.recording.data[: case.offset])
    outcomes = frozenset({_outcome(arrived, broken_off=_BROKEN_OFF.get(case.way) or _silence(arrived))})
    truth = case.recording.truth
    if case.way is not Way.RESET:
        return Expectation(outcomes=outcomes, told=arrived.told, exact=True, most=truth)
    # A reset may overtake what was sent before it (RFC 9293 section 3.10.4), and an answer's end with it.
    lost = frozenset({TABLE[UpstreamConnectionLost].reason})
    return Expectation(outcomes=outcomes | lost, told="", exact=False, most=truth)


def _silence(arrived: Worth) -> type[UpstreamError]:
    """Returns which limit an exchange reaches that says nothing more."""
    if arrived.place is Place.HEAD:
        return UpstreamFirstByteTimeout
    return UpstreamOutputTimeout if arrived.answers else UpstreamReasoningTimeout


def _garbled(case: Case) -> Expectation:
    if case.way is Way.FLIP and case.offset in case.recording.payload:
        read = worth(case.sent, ended=True)
        return Expectation(outcomes=frozenset({_outcome(read)}), told=read.told, exact=True, most=None)
    before = worth(case.recording.data[: case.offset])
    return Expectation(outcomes=_UPSTREAMS | {COMPLETED}, told=before.told, exact=False, most=None)


def _outcome(read: Worth, *, broken_off: type[UpstreamError] | None = None) -> str:
    kind = read.failure
    if kind is None and read.place is not Place.CONCLUDED:
        kind = broken_off
    return COMPLETED if kind is None else TABLE[kind].reason
