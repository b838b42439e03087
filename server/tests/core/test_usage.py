"""The engine's counts where it counted, ours where not, and always said which."""

import json
from typing import Any

import pytest
from triphase_server.core.events import Delta, OutputDelta, ReasoningDelta, ToolCallDelta, Usage
from triphase_server.core.usage import UsageMeter


def _meter(report: Any = None, chunks: int = 0, *deltas: Delta) -> UsageMeter:
    meter = UsageMeter()
    meter.report = report if isinstance(report, bytes) else json.dumps(report).encode()
    meter.chunks = chunks
    for delta in deltas:
        meter.add(delta)
    return meter


@pytest.mark.parametrize(
    ("report", "usage"),
    [
        pytest.param(
            {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
            Usage(input_tokens=3, output_tokens=9, reasoning_tokens=4),
            id="OpenAI, vLLM with a parser",
        ),
        pytest.param(
            {"prompt_tokens": 3, "completion_tokens": 9, "reasoning_tokens": 4, "completion_tokens_details": None},
            Usage(input_tokens=3, output_tokens=9, reasoning_tokens=4),
            id="SGLang",
        ),
        pytest.param(
            {"prompt_tokens": 3, "completion_tokens": 9, "prompt_cache_hit_tokens": 2, "reasoning_tokens": 0},
            Usage(input_tokens=3, output_tokens=9, cached_tokens=2),
            id="DeepSeek",
        ),
        pytest.param(
            {"prompt_tokens": 3, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 1}},
            Usage(input_tokens=3, output_tokens=9, cached_tokens=1, reasoning_tokens=6, reasoning_estimated=True),
            id="thoughts not counted apart",
        ),
        pytest.param(
            {"prompt_tokens": -1, "completion_tokens": 1 << 40, "reasoning_tokens": 1 << 80},
            Usage(output_tokens=(1 << 31) - 1, reasoning_tokens=(1 << 31) - 1),
            id="numbers that cannot be",
        ),
        pytest.param(
            {"completion_tokens": 0},
            Usage(reasoning_estimated=True),
            id="nothing but output counted",
        ),
    ],
)
def test_the_engine_counted(report: Any, usage: Usage) -> None:
    meter = _meter(report, 5, ReasoningDelta("12"), OutputDelta("3"))
    assert meter.counted
    assert meter.counted_reasoning is not usage.reasoning_estimated
    assert meter.usage(input_tokens=77) == usage


@pytest.mark.parametrize(
    "report", [b"", None, {}, {"prompt_tokens": 3}, {"completion_tokens": "9"}, 7, b"{", b"[" * 100_000]
)
def test_the_engine_did_not_count(report: Any) -> None:
    meter = _meter(report, 4, ReasoningDelta("12"), OutputDelta("3"), ToolCallDelta(0, "4"))
    assert not meter.counted
    assert not meter.counted_reasoning
    expected = Usage(input_tokens=7, output_tokens=4, reasoning_tokens=2, estimated=True, reasoning_estimated=True)
    assert meter.usage(input_tokens=7) == expected


@pytest.mark.parametrize(
    ("chunks", "text", "tokens"), [(9, "a" * 20, 9), (1, "a" * 20, 5), (1, "a" * 21, 6), (0, "", 0)]
)
def test_the_larger_of_chunks_and_a_quarter_of_the_characters(chunks: int, text: str, tokens: int) -> None:
    assert _meter(None, chunks, OutputDelta(text)).usage(input_tokens=0).output_tokens == tokens


def test_what_came_is_counted_by_channel_with_tool_calls_as_output() -> None:
    meter = UsageMeter()
    for delta in (ReasoningDelta("Hm."), OutputDelta("47"), ToolCallDelta(0, "{}")):
        meter.add(delta)
    assert meter.came == {"reasoning_characters": 3, "output_characters": 4}
