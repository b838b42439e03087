"""Effort through the whole gateway: each effort on each kind of deployment does what `started` says, or is refused."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from end_to_end.stage import Failure, Stage, gateway, request
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from triphase.gateway.v1 import AppliedReasoning, Reasoning, StreamGenerateResponse, generation_pb2
from triphase_client import TriphaseError
from triphase_model.engine.answering import ReferenceEndpoint
from triphase_model.engine.reference import ReferenceModel
from triphase_model.engine.server import serve
from triphase_model.engine.simulated.serving.listening import serve_simulated
from triphase_model.engine.simulated.serving.settings import Lengths, Paced, Settings, Wire
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy, UnsupportedPolicy, on_engine
from triphase_server.core.effort_tables import Engine
from triphase_server.core.presets import PRESETS
from triphase_server.core.request import Effort

NATURAL = 60  # what the simulated engine thinks unasked
BUDGETS = {Effort.MINIMAL: 2, Effort.LOW: 5, Effort.MEDIUM: 12, Effort.HIGH: 25, Effort.XHIGH: 40, Effort.MAX: 0}
THOUGHTS = {Effort.NONE: 0, **BUDGETS, Effort.MAX: NATURAL}
CONTROL, SOURCE = generation_pb2.ReasoningControl, generation_pb2.ReasoningSource
PROCESSOR = {"custom_logit_processor": "…"}
# Deployments of one model that only thinks or does not, by the engine that serves it; and of one that always thinks.
SWITCHED = PRESETS["qwen3"].effort
ALWAYS = PRESETS["qwen3-thinking"].effort


def wire(effort: Effort) -> "generation_pb2.ReasoningEffort.ValueType":
    return generation_pb2.ReasoningEffort.Value(f"REASONING_EFFORT_{effort.name}")


def budgeted(policy: EffortPolicy, engine: Engine) -> EffortPolicy:
    return replace(on_engine(policy, engine, extra_body=PROCESSOR), budgets=BUDGETS)


def applied(events: list[StreamGenerateResponse]) -> AppliedReasoning:
    """Returns what was applied, which all who tell of it must agree on."""
    (attempt,) = (event.attempt_started for event in events if event.HasField("attempt_started"))
    done = events[-1].completed.reasoning
    assert events[0].started.reasoning == attempt.reasoning == done
    return done


def violations_of(failure: Failure) -> dict[str, str]:
    return {violation.field: violation.description for violation in failure.error.violations}


@asynccontextmanager
async def simulated(policy: EffortPolicy) -> AsyncIterator[Stage]:
    settings = Settings(
        timing=Paced(first_s=0.0, token_s=0.0),
        lengths=Lengths(reasoning=NATURAL, output=4, cv=0.0),
        wire=Wire(reasoning_details=True),
    )
    async with (
        serve_simulated(settings) as engine,
        gateway(f"{engine.url}/v1", model=settings.model, effort=policy) as stage,
    ):
        yield stage


@pytest.fixture(scope="module")
def model() -> ReferenceModel:
    return ReferenceModel.load()


@asynccontextmanager
async def reference(model: ReferenceModel, policy: EffortPolicy) -> AsyncIterator[Stage]:
    endpoint = ReferenceEndpoint(model)
    async with (
        serve(models=[endpoint]) as engine,
        gateway(f"{engine.url}/v1", model=endpoint.name, effort=policy) as at,
    ):
        yield at


KINDS: Mapping[str, EffortPolicy] = {
    "vllm": budgeted(SWITCHED, Engine.VLLM),
    "vllm, always": budgeted(ALWAYS, Engine.VLLM),
    "llama.cpp": budgeted(SWITCHED, Engine.LLAMA_CPP),
    "llama.cpp, always": budgeted(ALWAYS, Engine.LLAMA_CPP),
    "sglang": budgeted(SWITCHED, Engine.SGLANG),
    "sglang, always": budgeted(ALWAYS, Engine.SGLANG),
    "friendli": budgeted(SWITCHED, Engine.FRIENDLI),
    "friendli, always": budgeted(ALWAYS, Engine.FRIENDLI),
    "switched": SWITCHED,
    "always": ALWAYS,
}
CANNOT: Mapping[str, tuple[Effort, ...]] = {
    "sglang, always": (Effort.NONE,),
    "friendli, always": (Effort.NONE,),
    "switched": (Effort.MINIMAL, Effort.LOW, Effort.HIGH, Effort.XHIGH, Effort.MAX),
    "always": tuple(Effort),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_effort_is_given_as_it_is_told_or_refused(kind: str) -> None:
    policy = KINDS[kind]
    # SGLang reads the processor from the deployment's own body, which these requests carry instead.
    carried = ParseDict(PROCESSOR, Struct()) if "sglang" in kind else None
    async with simulated(policy) as stage:
        for effort in Effort:
            asked = request(reasoning=Reasoning(effort=wire(effort)), extra_body=carried)
            if effort in CANNOT.get(kind, ()):
                failure = await stage.failure(asked)
                assert failure.events == []
                assert violations_of(failure) == {
                    "reasoning.effort": f"this model supports: {', '.join(policy.efforts) or 'none at all'}"
                }
                continue
            events = await stage.events(asked)
            usage, told = events[-1].completed.usage, applied(events)
            expected = NATURAL if kind == "switched" and effort is Effort.MEDIUM else THOUGHTS[effort]
            assert (usage.reasoning_tokens, usage.reasoning_estimated) == (expected, False)
            assert (told.requested_effort, told.applied_effort) == (wire(effort), wire(effort))
            assert told.source == SOURCE.REASONING_SOURCE_REQUEST
            if told.max_tokens:
                assert usage.reasoning_tokens == told.max_tokens
                assert told.max_tokens_control == told.control == CONTROL.REASONING_CONTROL_ENGINE_BUDGET
        models = await stage.client.models()
        assert list(models[0].efforts) == [wire(effort) for effort in policy.efforts]
        assert models[0].bounds_reasoning is policy.bounds


@pytest.mark.parametrize(
    ("method", "control"),
    [
        (EffortMethod.FIELD, CONTROL.REASONING_CONTROL_ENGINE_FIELD),
        (EffortMethod.TEMPLATE, CONTROL.REASONING_CONTROL_TEMPLATE_VARIABLE),
    ],
)
async def test_degrees_of_a_template_are_given_by_its_variable(
    model: ReferenceModel, method: EffortMethod, control: Any
) -> None:
    lengths = []
    async with reference(model, EffortPolicy(method=method)) as stage:
        for effort in (Effort.NONE, Effort.LOW, Effort.MEDIUM, Effort.HIGH):
            events = await stage.events(request(reasoning=Reasoning(effort=wire(effort))))
            told = applied(events)
            assert (told.control, told.method, told.max_tokens) == (control, method.value, 0)
            lengths.append(events[-1].completed.usage.reasoning_tokens)
    assert lengths == sorted(set(lengths))


async def test_levels_go_out_as_they_stand(model: ReferenceModel) -> None:
    levels: dict[Effort, Mapping[str, object]] = {
        Effort.NONE: {"chat_template_kwargs": {"enable_thinking": False}},
        Effort.LOW: {"chat_template_kwargs": {"reasoning_effort": "high"}},  # whatever its name
    }
    async with reference(model, EffortPolicy(supported=(), levels=levels)) as stage:
        none, low = [
            await stage.events(request(reasoning=Reasoning(effort=wire(effort))))
            for effort in (Effort.NONE, Effort.LOW)
        ]
        unasked = await stage.events(request())
    tokens = [events[-1].completed.usage.reasoning_tokens for events in (none, unasked, low)]
    assert tokens == sorted(set(tokens))
    assert applied(low).method == "chat_template_kwargs.reasoning_effort"
    assert applied(unasked) == AppliedReasoning()


async def test_clamp_and_omit_are_told(model: ReferenceModel) -> None:
    some = EffortPolicy(supported=(Effort.LOW, Effort.HIGH), unsupported=UnsupportedPolicy.CLAMP)
    asked = request(reasoning=Reasoning(effort=wire(Effort.MAX)))
    async with reference(model, some) as stage:
        told = applied(await stage.events(asked))
        assert (told.applied_effort, told.source) == (wire(Effort.HIGH), SOURCE.REASONING_SOURCE_CLAMP)
    async with reference(model, replace(some, unsupported=UnsupportedPolicy.OMIT)) as stage:
        assert applied(await stage.events(asked)) == AppliedReasoning(requested_effort=wire(Effort.MAX))


async def test_the_callers_own_fields_win_over_the_default_and_are_told() -> None:
    async with simulated(replace(KINDS["vllm"], default=Effort.LOW)) as stage:
        default = await stage.events(request())
        assert applied(default).source == SOURCE.REASONING_SOURCE_DEFAULT
        assert default[-1].completed.usage.reasoning_tokens == THOUGHTS[Effort.LOW]
        own = ParseDict({"chat_template_kwargs": {"enable_thinking": False}}, Struct())
        switched = await stage.events(request(extra_body=own))
        told = applied(switched)
        assert (told.applied_effort, told.source) == (wire(Effort.NONE), SOURCE.REASONING_SOURCE_EXTRA_BODY)
        assert switched[-1].completed.usage.reasoning_tokens == 0
        bound = await stage.events(request(extra_body=ParseDict({"thinking_token_budget": 9}, Struct())))
        assert (applied(bound).max_tokens, bound[-1].completed.usage.reasoning_tokens) == (9, 9)


@pytest.mark.parametrize(
    ("reasoning", "fields", "violations"),
    [
        (
            {"effort": Effort.LOW},
            {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
            {
                "extra_body.chat_template_kwargs.enable_thinking": "contradicts reasoning.effort, which is low",
            },
        ),
        (
            {"effort": Effort.LOW},
            {"extra_body": {"thinking_token_budget": 7}},
            {"extra_body.thinking_token_budget": "contradicts reasoning.effort, which bounds thoughts at 5"},
        ),
        (
            {"max_tokens": 90},
            {"max_output_tokens": 100},
            {
                "reasoning.max_tokens": "must be at most 50, so that max_output_tokens (100) holds an answer too",
            },
        ),
        ({"max_tokens": -1}, {}, {"reasoning.max_tokens": "must be 1 to 1000000, or 0 for no bound"}),
        ({"max_tokens": 2**31 - 1}, {}, {"reasoning.max_tokens": "must be 1 to 1000000, or 0 for no bound"}),
        ({"minimum_tokens": 5}, {}, {"reasoning.minimum_tokens": "this model has no way to think more"}),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_an_engine_is_asked(
    reasoning: dict[str, Any], fields: dict[str, Any], violations: dict[str, str]
) -> None:
    wishes = {**reasoning, **({"effort": wire(reasoning["effort"])} if "effort" in reasoning else {})}
    if "extra_body" in fields:
        fields = {"extra_body": ParseDict(fields["extra_body"], Struct())}
    async with simulated(KINDS["vllm"]) as stage:
        failure = await stage.failure(request(reasoning=Reasoning(**wishes), **fields))
    assert failure.events == []
    assert violations_of(failure) == violations


async def test_efforts_that_do_not_exist_are_refused() -> None:
    async with simulated(KINDS["vllm"]) as stage:
        unknown: Any = 99
        failure = await stage.failure(request(reasoning=Reasoning(effort=unknown)))
        assert violations_of(failure) == {"reasoning.effort": "must be a value of ReasoningEffort"}
        with pytest.raises(ValueError, match="'ultra' is not one of none, minimal"):
            await stage.client.generate(prompt="x", model="m", effort="ultra")


async def test_a_bound_that_stands_for_an_effort_leaves_room_for_the_answer() -> None:
    async with simulated(KINDS["vllm"]) as stage:
        events = await stage.events(request(reasoning=Reasoning(effort=wire(Effort.XHIGH)), max_output_tokens=30))
    assert applied(events).max_tokens == 15
    assert events[-1].completed.usage.reasoning_tokens == 15
    assert events[-1].completed.finish_reason == generation_pb2.FINISH_REASON_STOP


async def test_a_refusal_is_an_error_of_the_caller() -> None:
    async with simulated(KINDS["always"]) as stage:
        with pytest.raises(TriphaseError) as caught:
            await stage.client.generate(prompt="x", model="m", effort="low")
    assert (caught.value.reason, caught.value.code.name) == ("CALLER_INVALID_REQUEST", "INVALID_ARGUMENT")
