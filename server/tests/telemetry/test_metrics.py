"""What requests leave in the registry, by the service itself on a fake upstream; and what they never leave there."""

import asyncio

from prometheus_client import generate_latest
from server_fakes.clock import on_fake_clock
from server_fakes.rig import Rig, ask, deployment, rig
from server_fakes.upstream import Step, chunk, finish
from triphase_server.core.errors import (
    InternalError,
    InvalidRequest,
    Stage,
    UpstreamConnectionLost,
    UpstreamOverloaded,
    Violation,
)
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import OnMidstreamFailure, Target
from triphase_server.rpc.status import TABLE
from triphase_server.service.ports import Outcome
from triphase_server.telemetry.families import FAMILIES, Kind
from triphase_server.telemetry.metrics import Metrics, Registry

THOUGHTFUL: list[Step] = [
    1.0,
    chunk(reasoning="Forty-seven plus thirty-eight."),
    2.0,
    chunk(content="85"),
    1.0,
    finish(prompt_tokens=14, completion_tokens=5),
]
TWO = (Target(deployment=deployment("a")), Target(deployment=deployment("b"), priority=1))
RETRY = RetryPolicy(max_attempts=2, initial_s=0.0)
GEN_AI = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "triphase", "gen_ai_request_model": "m"}


def down() -> UpstreamOverloaded:
    return UpstreamOverloaded("words-of-the-upstream", stage=Stage.FIRST_BYTE)


class Recorded:
    """A rig whose requests are recorded."""

    def __init__(self, rig_: Rig) -> None:
        self.rig = rig_
        self.registry = Registry()
        self.metrics = Metrics(self.registry, reason_of=lambda error: TABLE[type(error)].reason)
        rig_.observer = self.metrics

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.collector.get_sample_value(name, labels)

    def requests(self, **labels: str) -> float | None:
        given = {"route": "m", "finish_reason": "", "error_type": "", **labels}
        return self.value("triphase_requests_total", **given)

    def attempts(self, name: str, reason: str, error_type: str = "") -> float | None:
        return self.value("triphase_attempts_total", deployment=name, reason=reason, error_type=error_type)

    @property
    def text(self) -> str:
        return generate_latest(self.registry.collector).decode()


@on_fake_clock
async def test_a_completed_request() -> None:
    recorded = Recorded(rig(THOUGHTFUL))
    await recorded.rig.events(ask())
    value = recorded.value
    assert recorded.requests(outcome="completed", finish_reason="stop") == 1
    assert value("gen_ai_server_request_duration_seconds_sum", error_type="", **GEN_AI) == 4
    assert value("gen_ai_server_time_to_first_token_seconds_sum", **GEN_AI) == 1
    assert value("gen_ai_server_time_per_output_token_seconds_sum", **GEN_AI) == 3 / 4
    assert value("triphase_time_to_first_event_seconds_sum", route="m") == 0
    assert value("triphase_time_to_first_reasoning_seconds_sum", route="m") == 1
    assert value("triphase_time_to_first_output_seconds_sum", route="m") == 3
    durations = {"prompt_summary": 0, "reasoning_summary": 2, "final_output": 1}
    for phase, duration_s in durations.items():
        assert value("triphase_phase_duration_seconds_sum", route="m", phase=phase) == duration_s
        assert value("triphase_phase_duration_seconds_count", route="m", phase=phase) == 1
    for kind, tokens in {"input": 14, "output": 5}.items():
        assert value("triphase_tokens_total", route="m", kind=kind) == tokens
        usage = value("gen_ai_client_token_usage_sum", deployment="m-a", gen_ai_token_type=kind, **GEN_AI)
        assert usage == tokens
    assert value("triphase_requests_in_flight", route="m") == 0


@on_fake_clock
async def test_attempts_are_told_apart_by_why_they_began_and_how_they_ended() -> None:
    recorded = Recorded(rig([down()], THOUGHTFUL, targets=TWO, retry=RETRY))
    await recorded.rig.events(ask())
    assert recorded.attempts("a", "first", "UPSTREAM_OVERLOADED") == 1
    assert recorded.attempts("b", "fallback") == 1
    assert recorded.requests(outcome="completed", finish_reason="stop") == 1
    client = "gen_ai_client_operation"
    assert recorded.value(f"{client}_time_to_first_chunk_seconds_sum", deployment="b", **GEN_AI) == 1
    assert recorded.value(f"{client}_duration_seconds_sum", deployment="b", error_type="", **GEN_AI) == 4

    again = Recorded(rig([down()], THOUGHTFUL, retry=RETRY))
    await again.rig.events(ask())
    assert again.attempts("m-a", "retry") == 1


@on_fake_clock
async def test_a_failed_request_has_the_reason_that_its_caller_was_told() -> None:
    recorded = Recorded(rig([down()]))
    await recorded.rig.failure(ask())
    assert recorded.requests(outcome="failed", error_type="UPSTREAM_OVERLOADED") == 1
    assert recorded.value("triphase_requests_in_flight", route="m") == 0
    assert recorded.value("gen_ai_server_time_to_first_token_seconds_count", **GEN_AI) is None


@on_fake_clock
async def test_a_cancelled_request_is_no_failure_and_its_first_token_counts() -> None:
    recorded = Recorded(rig([1.0, chunk(reasoning="Hm"), 1000.0]))
    task = asyncio.create_task(recorded.rig.events(ask()))
    await asyncio.sleep(40)
    assert recorded.value("triphase_requests_in_flight", route="m") == 1
    task.cancel()
    await asyncio.wait((task,))
    assert recorded.requests(outcome="cancelled", error_type="cancelled") == 1
    assert recorded.attempts("m-a", "first", "cancelled") == 1
    assert recorded.value("gen_ai_server_time_to_first_token_seconds_sum", **GEN_AI) == 1
    assert recorded.value("triphase_heartbeats_total", route="m") == 2
    assert recorded.value("triphase_requests_in_flight", route="m") == 0


@on_fake_clock
async def test_restarts_are_counted() -> None:
    broken: list[Step] = [chunk(content="8"), UpstreamConnectionLost("lost", stage=Stage.STREAM)]
    restart = OnMidstreamFailure.RESTART
    recorded = Recorded(rig(broken, THOUGHTFUL, targets=TWO, retry=RETRY, on_midstream_failure=restart))
    await recorded.rig.events(ask(accept_restarts=True))
    assert recorded.value("triphase_restarts_total", route="m") == 1
    assert recorded.attempts("a", "first", "UPSTREAM_CONNECTION_LOST") == 1


@on_fake_clock
async def test_refused_requests_make_no_series_by_their_callers_words() -> None:
    recorded = Recorded(rig(THOUGHTFUL))
    for number in range(50):
        await recorded.rig.failure(ask(model=f"model-of-a-caller-{number}"))
    refused = {"route": "unknown", "outcome": "refused"}
    assert recorded.requests(**refused, error_type="CALLER_UNKNOWN_MODEL") == 50
    recorded.metrics.ended(
        Outcome(
            response_id="r",
            route="",
            deployment="",
            error=InvalidRequest((Violation(field="model", description="words"),)),
        )
    )
    assert recorded.requests(**refused, error_type="CALLER_INVALID_REQUEST") == 1
    assert "model-of-a-caller" not in recorded.text


@on_fake_clock
async def test_a_defect_is_a_failure_and_ours() -> None:
    recorded = Recorded(rig([chunk(content="8"), finish()]))
    recorded.rig.upstream.responses = None  # type: ignore[assignment] # what breaks inside `open`
    _, error = await recorded.rig.failure(ask())
    assert isinstance(error, InternalError)
    assert isinstance(error.__cause__, AttributeError)
    assert recorded.requests(outcome="failed", error_type="GATEWAY_INTERNAL") == 1
    assert recorded.attempts("m-a", "first", "GATEWAY_INTERNAL") == 1


@on_fake_clock
async def test_series_do_not_grow_with_requests_and_hold_nobodys_words() -> None:
    recorded = Recorded(rig(THOUGHTFUL, [down()], THOUGHTFUL))
    await recorded.rig.events(ask("a secret of the caller"))
    await recorded.rig.failure(ask("a secret of the caller"))
    before = recorded.text.count("\n")
    for number in range(5):
        request = ask(f"secret {number}", client_request_id=f"id-{number}", affinity_key=f"key-{number}")
        await recorded.rig.events(request)
    assert recorded.text.count("\n") == before
    for words in ("secret", "id-1", "key-1", "resp-1", "words-of-the-upstream", "Forty"):
        assert words not in recorded.text


def test_durations_reach_as_far_as_reasoning_does() -> None:
    for family in FAMILIES:
        if family.kind is Kind.HISTOGRAM:
            assert list(family.buckets) == sorted(set(family.buckets))
        if "duration_seconds" in family.name or "first_token" in family.name:
            assert family.buckets[-1] >= 1310
