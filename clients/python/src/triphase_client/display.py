"""Shows an answer to a person, event by event: as phases or as a list of events, then how it ended and what it took.

Needs the extra `cli` (rich). Knows no gRPC and no clock of its own: feed it events from any source.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text
from triphase.gateway.v1 import Completed, FinishReason, StreamGenerateResponse

from triphase_client.event_view import EventView
from triphase_client.phases import PhaseView
from triphase_client.ports import AnswerSink
from triphase_client.terminal import glyphs_of, printable
from triphase_client.timings import ClientTimes, format_s, timings_view, usage_line

_ENDINGS = {
    FinishReason.FINISH_REASON_LENGTH: "The answer was cut: the bound on output tokens, or the context, was reached.",
    FinishReason.FINISH_REASON_CONTENT_FILTER: "The engine withheld content.",
}
_NOTHING_WRITTEN = (
    "No answer came: the bound on output tokens, or the context, was reached while the model was thinking. "
    "Allow more tokens, or ask for less thinking."
)


class Display:
    """Make it when the request is sent, since its times count from there: `with Display(console) as display: …`.

    Args:
        console: Where phases, or events, are shown.
        answer: Where the answer goes instead, as plain text and as it comes.
        verbose: Whether every event is shown, instead of the phases.
        show_timings: Whether a table of timings ends it, instead of a line.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        console: Console,
        *,
        answer: AnswerSink | None = None,
        verbose: bool = False,
        show_timings: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._show_timings = show_timings
        self._clock = clock
        self._sent = clock()
        self._times = ClientTimes()
        self._events = EventView(console, answer=answer) if verbose else None
        self._phases = PhaseView(console, answer=answer, clock=clock, since=self._sent)
        self._completed: Completed | None = None

    def __enter__(self) -> Self:
        if self._events is None:
            self._phases.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def feed(self, event: StreamGenerateResponse) -> None:
        """Shows the next event."""
        at_s = self._clock() - self._sent
        self._times.feed(event, at_s=at_s)
        if self._events is not None:
            self._events.feed(event, at_s=at_s)
        else:
            self._phases.feed(event)
        if event.HasField("completed"):
            self._completed = event.completed

    def close(self) -> None:
        """Leaves the terminal as it should be; of a completed answer, tells how it ended and what it took."""
        if self._events is not None:
            self._events.close()
        else:
            self._phases.close()
        if self._completed is not None:
            self._conclude(self._completed)
            self._completed = None

    def _conclude(self, completed: Completed) -> None:
        moments_s = self._times.moments_s
        ending = _ENDINGS.get(completed.finish_reason)
        if completed.finish_reason == FinishReason.FINISH_REASON_LENGTH and "first output" not in moments_s:
            ending = _NOTHING_WRITTEN
        if ending:
            self._console.print(Text(ending, style="yellow"))
        if completed.reasoning.stopped:
            self._console.print(
                Text(f"The thoughts were ended at {completed.reasoning.max_tokens} tokens.", style="dim")
            )
        usage = usage_line(completed.usage)
        self._console.print()
        if self._show_timings:
            self._console.print(timings_view(self._times, completed.timings, width=self._console.width))
            self._print_line(usage)
        else:
            facts = (printable(completed.model), usage, format_s(moments_s["total"]))
            self._print_line(f" {glyphs_of(self._console).dot} ".join(filter(None, facts)))

    def _print_line(self, text: str) -> None:
        self._console.print(Text(text, style="dim"), soft_wrap=not self._console.is_terminal)
