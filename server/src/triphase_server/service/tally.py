"""What a request came to, gathered from the events that its caller took.

Rule: most events are deltas, which tell nothing here: one look at the type of each, and work only for the few others.
Who is told at the end is the observer (`ports.py`); what it makes of it is `telemetry/`.
"""

import asyncio
from collections.abc import Callable, Mapping

from triphase_server.core.errors import GatewayError
from triphase_server.core.events import (
    AttemptStarted,
    Completed,
    Event,
    Heartbeat,
    PhaseCompleted,
    Restarted,
    Started,
    Timings,
)
from triphase_server.service.ports import Outcome


class Tally:
    """Notes each event after it was taken; `outcome` is then what there is to tell. Made when a request is accepted."""

    def __init__(self, response_id: str) -> None:
        self.response_id = response_id
        self.route = ""
        self.deployment = ""
        self.error: GatewayError | None = None
        self._accepted_at = _now()
        self._first_event_s: float | None = None
        self._completed: Completed | None = None
        self._phases: list[PhaseCompleted] = []
        self._attempts = 0
        self._restarts = 0
        self._heartbeats = 0
        self._notes: Mapping[type[Event], Callable[..., None]] = {
            Started: self._note_started,
            AttemptStarted: self._note_attempt,
            PhaseCompleted: self._phases.append,
            Heartbeat: self._note_heartbeat,
            Restarted: self._note_restart,
            Completed: self._note_completed,
        }

    @property
    def completed(self) -> bool:
        """Whether the caller took the last event of a whole answer."""
        return self._completed is not None

    def note(self, event: Event) -> None:
        """Takes one event."""
        note = self._notes.get(type(event))
        if note is not None:
            note(event)

    def failed(self, error: GatewayError) -> None:
        """Takes the error that ended the request, and adds to it what the caller may quote."""
        self.deployment = error.metadata.get("deployment", self.deployment)
        known = {"response_id": self.response_id, "route": self.route, "deployment": self.deployment}
        error.metadata.update({key: value for key, value in known.items() if value})
        self.error = error

    def outcome(self, timings: Timings, *, normalized_by: tuple[str, ...] = ()) -> Outcome:
        """Returns how the request ended, now; `timings` are those of what it delivered, and the rest as in Outcome."""
        return Outcome(
            response_id=self.response_id,
            route=self.route,
            deployment=self.deployment,
            total_s=_now() - self._accepted_at,
            completed=self._completed,
            error=self.error,
            timings=timings,
            first_event_s=self._first_event_s,
            phases=tuple(self._phases),
            attempts=self._attempts,
            restarts=self._restarts,
            heartbeats=self._heartbeats,
            normalized_by=normalized_by,
        )

    def _note_started(self, _: Started) -> None:
        self._first_event_s = _now() - self._accepted_at

    def _note_attempt(self, event: AttemptStarted) -> None:
        self.deployment = event.deployment
        self._attempts = event.attempt

    def _note_heartbeat(self, _: Heartbeat) -> None:
        self._heartbeats += 1

    def _note_restart(self, _: Restarted) -> None:
        self._restarts += 1

    def _note_completed(self, event: Completed) -> None:
        self._completed = event
        self.deployment = event.deployment  # not always the last that was asked: a hedge may lose


def _now() -> float:
    return asyncio.get_running_loop().time()
