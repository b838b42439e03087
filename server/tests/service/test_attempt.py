"""One attempt: each of its limits has an error of its own, and counts from where it should."""

from typing import Any

import pytest
from server_fakes.clock import now, on_fake_clock
from server_fakes.rig import ask, rig
from server_fakes.upstream import chunk, finish
from triphase_server.core.errors import (
    DeadlineExceeded,
    Stage,
    UpstreamFirstByteTimeout,
    UpstreamFirstTokenTimeout,
    UpstreamOutputTimeout,
    UpstreamReasoningTimeout,
    UpstreamTimeout,
    UpstreamTotalTimeout,
)
from triphase_server.core.route import Timeouts

KEEPS_ALIVE: list[Any] = [step for _ in range(100) for step in (1.0, b": alive\n\n")]
THINKS_ON: list[Any] = [step for _ in range(100) for step in (1.0, chunk(reasoning="Hm. "))]
SILENCES = {"between_reasoning_s": 10, "between_output_s": 20}


@pytest.mark.parametrize(
    ("script", "timeouts", "kind", "stage", "at"),
    [
        pytest.param([1000.0], SILENCES, UpstreamReasoningTimeout, Stage.FIRST_TOKEN, 10, id="before any token"),
        pytest.param([THINKS_ON[1], 1000.0], SILENCES, UpstreamReasoningTimeout, Stage.STREAM, 10, id="in thoughts"),
        pytest.param(
            [THINKS_ON[1], chunk(content="a"), 1000.0],
            SILENCES,
            UpstreamOutputTimeout,
            Stage.STREAM,
            20,
            id="in the output",
        ),
        pytest.param(
            [5.0, chunk(content="a"), 1000.0],
            SILENCES,
            UpstreamOutputTimeout,
            Stage.STREAM,
            25,
            id="counted from the last byte",
        ),
        pytest.param(
            KEEPS_ALIVE, {"first_token_s": 30}, UpstreamFirstTokenTimeout, Stage.FIRST_TOKEN, 30, id="bytes, no token"
        ),
        pytest.param(THINKS_ON, {"total_s": 30}, UpstreamTotalTimeout, Stage.STREAM, 30, id="in all"),
    ],
)
@on_fake_clock
async def test_each_limit_has_an_error_of_its_own(
    script: list[Any], timeouts: dict[str, float], kind: type[UpstreamTimeout], stage: Stage, at: float
) -> None:
    rig_ = rig(script, timeouts=Timeouts(**timeouts))
    _, error = await rig_.failure(ask())
    assert type(error) is kind
    assert (error.stage, now()) == (stage, at)
    assert rig_.upstream.responses[0].closed


@on_fake_clock
async def test_an_upstream_that_never_answers_times_out() -> None:
    rig_ = rig([finish()], opens_after_s=1000, timeouts=Timeouts(first_byte_s=40))
    _, error = await rig_.failure(ask())
    assert type(error) is UpstreamFirstByteTimeout
    assert (error.stage, now(), rig_.upstream.cancelled) == (Stage.FIRST_BYTE, 40, 1)


@on_fake_clock
async def test_the_callers_deadline_is_inherited() -> None:
    script = [step for _ in range(100) for step in (1.0, chunk(content="a"))]
    _, error = await rig(script).failure(ask(), deadline=12.0)
    assert isinstance(error, DeadlineExceeded)
    assert now() == 12
