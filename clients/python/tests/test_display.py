"""What a person sees of an answer, line by line; a terminal in motion is `cli/test_conversation.py`."""

import io
import json
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from rich.console import Console
from triphase.gateway.v1 import (
    Completed,
    FinishReason,
    Heartbeat,
    OutputDelta,
    Phase,
    PhaseCompleted,
    PhaseStarted,
    PromptSummaryDelta,
    ReasoningDelta,
    ReasoningSummaryDelta,
    StreamGenerateResponse,
    ToolCallDelta,
)
from triphase_client.display import Display

EVENTS = Path(__file__).parents[3] / "testdata/events"
REASONING, OUTPUT = Phase.PHASE_REASONING_SUMMARY, Phase.PHASE_FINAL_OUTPUT


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def vector(name: str) -> list[StreamGenerateResponse]:
    events = json.loads((EVENTS / f"{name}.json").read_text())["events"]
    return [ParseDict(event, StreamGenerateResponse(), ignore_unknown_fields=True) for event in events]


def shown(
    events: list[StreamGenerateResponse],
    *,
    answer: io.StringIO | None = None,
    width: int = 72,
    terminal: bool = False,
    verbose: bool = False,
    show_timings: bool = False,
) -> str:
    file = io.StringIO()
    console = Console(
        file=file, width=width, highlight=False, force_terminal=terminal, force_interactive=False, color_system=None
    )
    clock = Clock()
    with Display(console, answer=answer, verbose=verbose, show_timings=show_timings, clock=clock) as display:
        for event in events:
            clock.now_s += 0.1
            display.feed(event)
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))


def reasoning(*deltas: ReasoningSummaryDelta | ReasoningDelta) -> list[StreamGenerateResponse]:
    between = [
        StreamGenerateResponse(reasoning_delta=delta)
        if isinstance(delta, ReasoningDelta)
        else StreamGenerateResponse(reasoning_summary_delta=delta)
        for delta in deltas
    ]
    begin = StreamGenerateResponse(phase_started=PhaseStarted(phase=REASONING))
    return [begin, *between, StreamGenerateResponse(phase_completed=PhaseCompleted(phase=REASONING))]


def part(index: int, text: str, *, replaces: int | None = None) -> ReasoningSummaryDelta:
    return ReasoningSummaryDelta(part_index=index, text=text, replaces_part_index=replaces)


WORKED = """\
● Prompt summary
  What is 47 + 38?

● Reasoning summary
  • Ones: 7+8=15.
  • Tens: 4+3+1=8.
  thought for 1.97 s

● Final output
47 + 38 = 85

triphase-reference · 14 input + 61 output tokens (about 49 reasoning) · 1.40 s
"""


def test_worked_transcript() -> None:
    assert shown(vector("worked-transcript")) == WORKED


def test_answer_to_another_place() -> None:
    answer = io.StringIO()
    text = shown(vector("worked-transcript"), answer=answer)
    assert answer.getvalue() == "47 + 38 = 85"
    assert text == WORKED.replace("\n● Final output\n47 + 38 = 85\n", "")


def test_table_of_timings() -> None:
    text = shown(vector("worked-transcript"), show_timings=True)
    assert text.split("47 + 38 = 85\n")[1].splitlines() == [
        "",
        "                         client  gateway",
        "first event              100 ms",
        "prompt summary           300 ms",
        "upstream responded                 20 ms",
        "first reasoning                   110 ms",
        "first reasoning summary  700 ms",
        "first output             1.10 s   2.08 s",
        "total                    1.40 s   2.31 s",
        "client: since it sent the request; gateway: since it accepted it",
        "14 input + 61 output tokens (about 49 reasoning)",
    ]


def test_every_vector_is_shown_without_an_error() -> None:
    for path in sorted(EVENTS.glob("*.json")):
        for verbose in (False, True):
            events = vector(path.stem)
            text = shown(events, verbose=verbose)
            assert "\x1b" not in text
            for event in events:
                assert event.output_delta.text.strip() in text


def test_a_part_that_is_corrected_at_once_is_not_printed() -> None:
    text = shown(reasoning(part(0, "Ones: 15."), part(1, "Tens: 7."), part(2, "Tens: 8.", replaces=1)))
    assert text == "● Reasoning summary\n  • Ones: 15.\n  • Tens: 8.\n  thought for 0.0 ms\n"


def test_a_terminal_strikes_it_through() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, force_interactive=False, color_system="standard", width=40)
    with Display(console) as display:
        for event in reasoning(part(0, "It is 75."), part(1, "It is 85.", replaces=0)):
            display.feed(event)
    assert "\x1b[2;9mIt is 75." in file.getvalue()
    assert "\x1b[2;9mIt is 85." not in file.getvalue()


def test_a_part_that_is_corrected_later_is_marked() -> None:
    text = shown(reasoning(part(0, "It is 75."), part(1, "Check."), part(2, "It is 85.", replaces=0)))
    assert "  • It is 75.\n  • Check.\n  ↻ It is 85.\n" in text


def test_parts_hang_and_lose_nothing_where_it_is_narrow() -> None:
    text = shown(reasoning(part(0, "首先阅读文件然后找出最重要的三个事实"), part(1, "a verylongword")), width=14)
    assert text.splitlines()[2:-2] == [
        "  • 首先阅读文",
        "    件然后找出",
        "    最重要的三",
        "    个事实",
        "  • a",
        "    verylongwo",
        "    rd",
    ]


def test_parts_stand_between_lines_of_raw_thoughts() -> None:
    deltas = (
        ReasoningDelta(text="7+8"),
        part(0, "Ones: 15."),
        ReasoningDelta(text="=15\nso"),
        part(1, "Five."),
        ReasoningDelta(text=" 5"),
    )
    assert shown(reasoning(*deltas)) == (
        "● Reasoning summary\n  raw | 7+8=15\n  • Ones: 15.\n  raw | so 5\n  • Five.\n  thought for 0.0 ms\n"
    )


def test_every_line_of_raw_thoughts_is_marked_where_no_style_can() -> None:
    pieces = ["a", "b\n", "\nc\n\n", "d\ne", "\n"]
    text = shown(reasoning(*(ReasoningDelta(text=piece) for piece in pieces)))
    lines = ["ab", "", "c", "", "d", "e"]
    assert text == "".join(
        ["● Reasoning summary\n", *(f"  raw | {line}".rstrip() + "\n" for line in lines), "  thought for 0.0 ms\n"]
    )


def test_a_terminal_sets_raw_thoughts_apart_by_style() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, force_interactive=False, color_system="standard", width=40)
    with Display(console) as display:
        for event in reasoning(ReasoningDelta(text="7+8=15")):
            display.feed(event)
    assert "\x1b[2;3m7+8=15\x1b[0m" in file.getvalue()
    assert "raw |" not in file.getvalue()


def test_words_of_the_model_are_text_and_nothing_else() -> None:
    words = "[bold]x[/] :smile: \x1b[31m"
    events = [
        StreamGenerateResponse(phase_started=PhaseStarted(phase=Phase.PHASE_PROMPT_SUMMARY)),
        StreamGenerateResponse(prompt_summary_delta=PromptSummaryDelta(text=words)),
        StreamGenerateResponse(phase_completed=PhaseCompleted(phase=Phase.PHASE_PROMPT_SUMMARY)),
        *reasoning(part(0, words)),
        StreamGenerateResponse(output_delta=OutputDelta(text=words)),
        StreamGenerateResponse(tool_call_delta=ToolCallDelta(id="i", name=words)),
    ]
    assert shown(events, terminal=True).count("[bold]x[/] :smile: ␛[31m") == 4


def test_tool_calls_are_whole_though_they_interleave() -> None:
    text = shown(vector("tool-calls"))
    assert 'I look.\nweather({"city": "Oslo"})\ntime({"zone": "CET")\n' in text


def test_a_restart_is_told() -> None:
    text = shown(vector("restart"))
    assert "the answer begins again: what stands above is void" in text
    assert "void(" not in text


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (FinishReason.FINISH_REASON_STOP, False),
        (FinishReason.FINISH_REASON_LENGTH, "The answer was cut"),
        (FinishReason.FINISH_REASON_CONTENT_FILTER, "The engine withheld content."),
    ],
)
def test_an_unusual_end_is_told(reason: FinishReason.ValueType, *, told: str | bool) -> None:
    events = [
        StreamGenerateResponse(output_delta=OutputDelta(text="47")),
        StreamGenerateResponse(completed=Completed(finish_reason=reason)),
    ]
    text = shown(events)
    assert (told in text) if isinstance(told, str) else text.startswith("47\n\n0 input")


def test_a_bound_that_left_nothing_for_the_answer_is_told() -> None:
    length = FinishReason.FINISH_REASON_LENGTH
    answer = io.StringIO()
    text = shown([StreamGenerateResponse(completed=Completed(finish_reason=length))], answer=answer, width=200)
    assert answer.getvalue() == ""
    assert text.startswith("No answer came: the bound on output tokens, or the context, was reached while the model ")


def test_a_thought_that_the_gateway_ended_is_told_and_by_what() -> None:
    events = vector("stopped-reasoning")
    assert "The thoughts were ended at 8 tokens.\n" in shown(events)
    assert "The thoughts were ended" not in shown(vector("worked-transcript"))
    first, *_, last = shown(events, verbose=True).splitlines()[: len(events)]
    assert "max_tokens: 8, control: FORCED_STOP, source: REQUEST, max_tokens_control: FORCED_STOP}" in first
    assert "max_tokens_control: FORCED_STOP, stopped: true}" in last


def test_a_stream_that_breaks_leaves_whole_lines() -> None:
    events = vector("worked-transcript")
    assert shown(events[:12]).endswith("● Final output\n47 + 38 = 85\n")
    assert shown(events[:7]).endswith("  • Ones: 7+8=15.\n")


def test_every_event_with_its_time() -> None:
    text = shown(vector("unknown-member"), verbose=True)
    lines = text.splitlines()
    assert lines[1] == "   0.200 s    1  phase_started{phase: PROMPT_SUMMARY}"
    assert lines[5] == "   0.600 s    5  (not known to this client)"
    assert lines[7] == '   0.800 s    7  output_delta{text: "85"}'
    assert lines[9].startswith('   1.000 s    9  completed{finish_reason: STOP, native_finish_reason: "stop", usage: {')
    assert "reasoning_estimated: true}, timings: {first_reasoning: 0.110 s, " in lines[9]
    assert lines[10:12] == ["", "85"]


def test_values_of_a_later_version_are_numbers() -> None:
    event = StreamGenerateResponse(heartbeat=Heartbeat())
    event.heartbeat.MergeFromString(b"\x08\x63")
    assert shown([event], verbose=True) == "   0.100 s    0  heartbeat{waiting_on: 99}\n"
