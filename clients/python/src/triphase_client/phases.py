"""Shows the three phases of an answer as they come: whole lines for summaries, running text for the answer.

A part of a summary stands in the live area while it grows, and is printed once it ends; a part that is corrected is
struck through. Which text goes to a terminal and how is here; times and the event view are not (`timings.py`,
`event_view.py`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from triphase.gateway.v1 import (
    AttemptReason,
    AttemptStarted,
    Heartbeat,
    OutputDelta,
    Phase,
    PhaseCompleted,
    PhaseStarted,
    PromptSummaryDelta,
    ReasoningDelta,
    ReasoningSummaryDelta,
    Restarted,
    Started,
    StreamGenerateResponse,
    ToolCallDelta,
    WaitingOn,
)

from triphase_client.ports import AnswerSink
from triphase_client.terminal import Clock, LiveArea, glyphs_of, printable
from triphase_client.timings import format_s, seconds_of

_HEADINGS = {
    Phase.PHASE_PROMPT_SUMMARY: ("Prompt summary", "bold cyan", "waiting"),
    Phase.PHASE_REASONING_SUMMARY: ("Reasoning summary", "bold magenta", "thinking"),
    Phase.PHASE_FINAL_OUTPUT: ("Final output", "bold green", "writing"),
}
_WAITING = {
    WaitingOn.WAITING_ON_UPSTREAM: "waiting for the engine",
    WaitingOn.WAITING_ON_FIRST_TOKEN: "waiting for the first token",
    WaitingOn.WAITING_ON_NEXT_TOKEN: "waiting for the next token",
}
_ATTEMPTS = {
    AttemptReason.ATTEMPT_REASON_RETRY: "trying again",
    AttemptReason.ATTEMPT_REASON_FALLBACK: "trying",
    AttemptReason.ATTEMPT_REASON_HEDGE: "asking as well",
}

_RAW = "  raw | "  # says what a line of thoughts is, where no style can
_NOTHING, _PROMPT = -2, -1  # indexes of what grows, beside those of the parts


@dataclass(slots=True, kw_only=True)
class _Growing:
    """A part of a summary that still grows."""

    index: int = _NOTHING
    sign: str = ""
    text: str = ""
    struck: bool = False

    def block(self) -> Table:
        """The part as lines with a hanging indent."""
        block = Table.grid(padding=(0, 1))
        block.add_column(no_wrap=True)
        block.add_column(overflow="fold")  # text without spaces, such as Chinese, is cut anywhere rather than off
        block.add_row(f"  {self.sign}".rstrip() or " ", Text(self.text, style="dim strike" if self.struck else ""))
        return block


class PhaseView:
    """Prints to `console`; the answer goes to `answer`, where that is another place."""

    def __init__(self, console: Console, *, answer: AnswerSink | None, clock: Clock, since: float) -> None:
        self._console = console
        self._answer = answer
        self._area = LiveArea(console, clock=clock, since=since)
        self._glyphs = glyphs_of(console)
        self._label = "connecting"
        self._growing = _Growing()
        self._held: list[ReasoningSummaryDelta] = []  # parts that would cut a line of raw thoughts in two
        self._calls: dict[int, list[str]] = {}  # printed when they are whole, since they may interleave
        self._inline = ""  # the kind of text that runs, or nothing
        self._line_open = False
        self._headed = False
        self._handlers: dict[str, Callable[[Any], None]] = {
            "started": self._started,
            "attempt_started": self._attempt_started,
            "phase_started": self._phase_started,
            "phase_completed": self._phase_completed,
            "prompt_summary_delta": self._prompt_summary,
            "reasoning_summary_delta": self._reasoning_summary,
            "reasoning_delta": self._reasoning,
            "output_delta": self._output,
            "tool_call_delta": self._tool_call,
            "heartbeat": self._heartbeat,
            "restarted": self._restarted,
        }

    def open(self) -> None:
        """Shows that something is waited for."""
        self._wait(self._label)

    def feed(self, event: StreamGenerateResponse) -> None:
        """Shows an event; one that it does not know shows nothing."""
        kind = event.WhichOneof("event")
        if kind in self._handlers:
            self._handlers[kind](getattr(event, kind))

    def close(self) -> None:
        """Leaves the cursor at the beginning of an empty line, with nothing transient above."""
        self._finish()
        self._print_calls()
        self._area.hide()

    def _started(self, started: Started) -> None:
        self._wait(f"waiting for {started.route}" if started.route else "waiting")

    def _attempt_started(self, attempt: AttemptStarted) -> None:
        if attempt.reason in _ATTEMPTS:
            self._print(Text(f"{_ATTEMPTS[attempt.reason]} {attempt.deployment}", style="dim yellow"))

    def _heartbeat(self, heartbeat: Heartbeat) -> None:
        if not self._inline and heartbeat.waiting_on in _WAITING:
            self._wait(_WAITING[heartbeat.waiting_on])

    def _phase_started(self, started: PhaseStarted) -> None:
        if started.phase == Phase.PHASE_FINAL_OUTPUT and self._answer is not None:
            self._wait("writing")
            return
        title, style, doing = _HEADINGS.get(started.phase, ("Another phase", "bold", "waiting"))
        if self._headed:
            self._print(Text())
        self._headed = True
        self._print(Text(f"{self._glyphs.phase} {title}", style=style))
        self._wait(doing)

    def _phase_completed(self, completed: PhaseCompleted) -> None:
        self._finish()
        if completed.phase == Phase.PHASE_REASONING_SUMMARY:
            self._print(Text(f"  thought for {format_s(seconds_of(completed.duration))}", style="dim"))
        elif completed.phase == Phase.PHASE_FINAL_OUTPUT:
            self._print_calls()

    def _prompt_summary(self, delta: PromptSummaryDelta) -> None:
        self._grow(_PROMPT, delta.text, "")

    def _reasoning_summary(self, delta: ReasoningSummaryDelta) -> None:
        if self._inline == "reasoning" and self._line_open:
            self._held.append(delta)
            return
        sign = self._glyphs.part
        if delta.HasField("replaces_part_index"):
            if self._growing.index == delta.replaces_part_index:
                self._growing.struck = True
            else:
                sign = self._glyphs.correction
        self._grow(delta.part_index, delta.text, sign)

    def _grow(self, index: int, text: str, sign: str) -> None:
        if self._growing.index != index:
            self._settle()
            self._growing = _Growing(index=index, sign=sign)
        self._end_inline()
        self._growing.text += printable(text)
        self._wait(self._label)

    def _settle(self) -> None:
        grown, self._growing = self._growing, _Growing()
        if grown.text and (self._console.is_terminal or not grown.struck):  # only a terminal can strike through
            self._area.show(self._label)
            self._console.print(grown.block())

    def _reasoning(self, delta: ReasoningDelta) -> None:
        lines, end, rest = delta.text.rpartition("\n")
        self._run("reasoning", lines + end, style="dim italic")
        if end:
            self._release()
        self._run("reasoning", rest, style="dim italic")

    def _output(self, delta: OutputDelta) -> None:
        if self._answer is None:
            self._run("output", delta.text)
        else:
            self._answer.write(delta.text)
            self._answer.flush()

    def _tool_call(self, delta: ToolCallDelta) -> None:
        call = self._calls.setdefault(delta.index, [])
        call += [f"{delta.name}("] if delta.name else []
        call.append(delta.arguments)
        self._end_inline()
        self._wait("calling tools")

    def _restarted(self, _restarted: Restarted) -> None:
        self._growing = _Growing()
        self._held.clear()
        self._calls.clear()
        self._print(Text("the answer begins again: what stands above is void", style="dim yellow"))

    def _run(self, kind: str, text: str, *, style: str | None = None) -> None:
        if not text:
            return
        if self._inline != kind:
            self._finish()
            self._area.hide()
            self._inline = kind
        shown = printable(text)
        if kind == "reasoning" and self._console.color_system is None:
            shown = _marked(shown, open_line=self._line_open)
        self._console.out(shown, style=style, highlight=False, end="")
        self._line_open = not shown.endswith("\n") if shown else self._line_open

    def _finish(self) -> None:
        self._end_inline()
        self._release()
        self._settle()

    def _release(self) -> None:
        held, self._held = self._held, []
        for delta in held:
            self._reasoning_summary(delta)

    def _end_inline(self) -> None:
        if self._inline and self._line_open:
            self._console.out("", highlight=False)
        self._inline, self._line_open = "", False

    def _print_calls(self) -> None:
        calls = ["".join(pieces) + ")" for _, pieces in sorted(self._calls.items())]
        self._calls.clear()
        for call in calls:
            self._print(Text(printable(call), style="yellow"))

    def _print(self, line: Text) -> None:
        self._finish()
        self._console.print(line)

    def _wait(self, label: str) -> None:
        self._label = label
        if not self._inline:
            self._area.show(label, block=self._growing.block() if self._growing.text else None)


def _marked(text: str, *, open_line: bool) -> str:
    """Puts the mark of raw thoughts before every line that begins in `text`."""
    marked = re.sub(r"\n(?=.)", f"\n{_RAW}", text, flags=re.DOTALL)
    return marked if open_line or not marked else _RAW + marked
