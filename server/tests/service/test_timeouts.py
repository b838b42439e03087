"""Each limit of a deployment: when it passes, and by which name it is told."""

from typing import Any

import pytest
from server_fakes.clock import now, on_fake_clock
from server_fakes.rig import ask, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.errors import Stage, UpstreamTimeout
from triphase_server.core.route import Timeouts

THINKS: list[Step] = [chunk(reasoning="First add the ones."), chunk(content="85"), finish()]


@pytest.mark.parametrize(
    ("script", "rig_of_failure", "at"),
    [
        pytest.param([1000.0], Stage.FIRST_TOKEN, 10, id="before the first token"),
        pytest.param([chunk(content="a"), 1000.0], Stage.STREAM, 10, id="after the first token"),
        pytest.param([5.0, chunk(content="a"), 1000.0], Stage.STREAM, 15, id="counted from the last byte"),
    ],
)
@on_fake_clock
async def test_a_silent_upstream_times_out(script: list[Any], rig_of_failure: Stage, at: float) -> None:
    rig_ = rig(script, timeouts=Timeouts(between_reasoning_s=10, between_output_s=10))
    _, error = await rig_.failure(ask())
    assert isinstance(error, UpstreamTimeout)
    assert (error.stage, now()) == (rig_of_failure, at)
    assert rig_.upstream.responses[0].closed


@on_fake_clock
async def test_an_upstream_that_never_answers_times_out() -> None:
    rig_ = rig(THINKS, opens_after_s=1000, timeouts=Timeouts(first_byte_s=40))
    _, error = await rig_.failure(ask())
    assert isinstance(error, UpstreamTimeout)
    assert (error.stage, now(), rig_.upstream.cancelled) == (Stage.FIRST_BYTE, 40, 1)


@on_fake_clock
async def test_the_total_bounds_a_stream_that_never_ends() -> None:
    script = [step for _ in range(100) for step in (1.0, chunk(content="a"))]
    _, error = await rig(script, timeouts=Timeouts(total_s=30)).failure(ask())
    assert isinstance(error, UpstreamTimeout)
    assert now() == 30
    assert error.metadata["timeout"] == "total_s"


@pytest.mark.parametrize(
    ("script", "limit"),
    [
        ([9.0] * 9, "first_byte_s"),
        ([b": ping\n\n", 9.0] * 9, "first_token_s"),
        ([chunk(reasoning="a"), 99.0], "between_reasoning_s"),
        ([chunk(content="a"), 99.0], "between_output_s"),
    ],
)
@on_fake_clock
async def test_each_timeout_is_told_by_its_own_name(script: list[Any], limit: str) -> None:
    opens_after_s = 99.0 if limit == "first_byte_s" else 0.0
    timeouts = Timeouts(first_byte_s=20, first_token_s=30, between_reasoning_s=40, between_output_s=50)
    _, error = await rig(script, opens_after_s=opens_after_s, timeouts=timeouts).failure(ask())
    assert isinstance(error, UpstreamTimeout)
    assert (error.metadata["timeout"], now()) == (limit, getattr(timeouts, limit))
