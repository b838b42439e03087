"""Requests: every rule of `gateway_service.proto` and `generation.proto`, kept and broken."""

import math
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from rpc import samples
from rpc.conftest import Refused
from triphase.gateway.v1 import GenerateRequest, Reasoning, Sampling, StreamGenerateRequest, generation_pb2
from triphase_server.core import request as core
from triphase_server.rpc.requests import RESERVED_BODY_FIELDS, to_request


def extra(**members: Any) -> Struct:
    struct = Struct()
    struct.update(members)
    return struct


def test_the_smallest_request() -> None:
    assert to_request(samples.request()) == core.GenerationRequest(
        model="m", messages=(core.Message(role=core.Role.USER, content=(core.TextPart("What is 47 + 38?"),)),)
    )


def test_every_field_arrives() -> None:
    message = samples.request(
        sampling=Sampling(temperature=0, top_p=0.5, top_k=-1, min_p=0, frequency_penalty=-2, seed=-(2**63)),
        stop=["\n\n", "END"],
        max_output_tokens=7,
        reasoning=Reasoning(
            effort=generation_pb2.REASONING_EFFORT_HIGH,
            max_tokens=5,
            minimum_tokens=2,
            summary=generation_pb2.SUMMARY_DETAIL_DETAILED,
            include_raw=True,
        ),
        extra_body=extra(guided_regex="[0-9]+"),
        client_request_id="anfrage-ü-1",
        accept_restarts=True,
    )
    request = to_request(message)
    assert request.sampling == core.Sampling(
        temperature=0.0, top_p=0.5, top_k=-1, min_p=0.0, frequency_penalty=-2.0, seed=-(2**63)
    )
    assert request.stop == ("\n\n", "END")
    assert request.max_output_tokens == 7
    assert request.reasoning == core.Reasoning(
        effort=core.Effort.HIGH, max_tokens=5, minimum_tokens=2, summary=core.SummaryDetail.DETAILED, include_raw=True
    )
    assert request.extra_body == {"guided_regex": "[0-9]+"}
    assert request.client_request_id == "anfrage-ü-1"
    assert request.accept_restarts


def test_a_whole_request_is_the_same_request() -> None:
    message = samples.request(stop=["END"], reasoning=Reasoning(include_raw=True))
    whole = GenerateRequest.FromString(message.SerializeToString())
    # A whole response hides its restarts, so it always accepts them.
    assert to_request(whole) == replace(to_request(message), accept_restarts=True)


def test_all_violations_are_told_at_once(refused: Refused) -> None:
    message = StreamGenerateRequest(
        sampling=Sampling(temperature=3), stop=[""], max_output_tokens=-1, client_request_id="a\nb"
    )
    assert [field for field, _ in refused(message)] == [
        "model",
        "messages",
        "sampling.temperature",
        "stop[0]",
        "max_output_tokens",
        "client_request_id",
    ]


@pytest.mark.parametrize(
    ("wire", "effort"), list(zip(generation_pb2.ReasoningEffort.values(), [None, *core.Effort], strict=True))
)
def test_every_effort_has_its_value(wire: Any, effort: core.Effort | None) -> None:
    assert to_request(samples.request(reasoning=Reasoning(effort=wire))).reasoning.effort is effort
    name = generation_pb2.ReasoningEffort.Name(wire)
    assert name == f"REASONING_EFFORT_{effort.name if effort else 'UNSPECIFIED'}"


@pytest.mark.parametrize("wire", generation_pb2.SummaryDetail.values())
def test_every_detail_has_its_value(wire: Any) -> None:
    detail = to_request(samples.request(reasoning=Reasoning(summary=wire))).reasoning.summary
    name = generation_pb2.SummaryDetail.Name(wire).removeprefix("SUMMARY_DETAIL_")
    assert detail.name == ("AUTO" if name == "UNSPECIFIED" else name)


@pytest.mark.parametrize("field", ["effort", "summary"])
def test_unknown_enum_values_are_refused(field: str, refused: Refused) -> None:
    unknown: dict[str, Any] = {field: 99}
    assert [path for path, _ in refused(samples.request(reasoning=Reasoning(**unknown)))] == [f"reasoning.{field}"]


# field: values that are accepted, values that are refused
RANGES: dict[str, tuple[list[float], list[float]]] = {
    "temperature": ([0, 2], [-0.01, 2.01, math.nan, math.inf]),
    "top_p": ([0.01, 1], [0, 1.01, math.nan]),
    "min_p": ([0, 1], [-0.01, 1.01, math.nan]),
    "frequency_penalty": ([-2, 2], [-2.01, 2.01, math.nan]),
    "presence_penalty": ([-2, 2], [-2.01, 2.01, math.nan]),
    "repetition_penalty": ([0.01, 1e9], [0, -1, math.nan, math.inf]),
    "top_k": ([1, -1], [0, -2]),
    "seed": ([0, -(2**63), 2**63 - 1], []),
}


def test_every_sampling_field_has_its_cases() -> None:
    assert RANGES.keys() == {field.name for field in Sampling.DESCRIPTOR.fields}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, (good, _) in RANGES.items() for value in good])
def test_sampling_within_its_range(field: str, value: Any, refused: Refused) -> None:
    assert refused(samples.request(sampling=Sampling(**{field: value}))) == []


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, (_, bad) in RANGES.items() for value in bad])
def test_sampling_out_of_its_range(field: str, value: Any, refused: Refused) -> None:
    assert [path for path, _ in refused(samples.request(sampling=Sampling(**{field: value})))] == [f"sampling.{field}"]


def test_what_is_unset_is_left_to_the_engine() -> None:
    assert to_request(samples.request(sampling=Sampling(temperature=0))).sampling == core.Sampling(temperature=0.0)


@pytest.mark.parametrize("stop", [[], ["x"] * 16, ["界" * 1000]])
def test_stops_that_are_accepted(stop: list[str], refused: Refused) -> None:
    assert refused(samples.request(stop=stop)) == []


@pytest.mark.parametrize(("stop", "field"), [(["x"] * 17, "stop"), (["a", ""], "stop[1]"), (["x" * 1001], "stop[0]")])
def test_stops_that_are_refused(stop: list[str], field: str, refused: Refused) -> None:
    assert [path for path, _ in refused(samples.request(stop=stop))] == [field]


def test_counts_are_never_negative(refused: Refused) -> None:
    message = samples.request(max_output_tokens=-1, reasoning=Reasoning(max_tokens=-5))
    assert [path for path, _ in refused(message)] == ["max_output_tokens", "reasoning.max_tokens"]
    assert [path for path, _ in refused(samples.request(reasoning=Reasoning(minimum_tokens=-1)))] == [
        "reasoning.minimum_tokens"
    ]
    assert refused(samples.request(max_output_tokens=2**31 - 1, reasoning=Reasoning(max_tokens=1))) == []


@pytest.mark.parametrize("tokens", [-1, 1_000_001, 2**31 - 1])
def test_bounds_that_no_model_could_reach_are_refused(tokens: int, refused: Refused) -> None:
    expected = "must be 1 to 1000000, or 0 for no bound"
    most = refused(samples.request(reasoning=Reasoning(max_tokens=tokens)))
    least = refused(samples.request(reasoning=Reasoning(minimum_tokens=tokens)))
    assert (most, least) == ([("reasoning.max_tokens", expected)], [("reasoning.minimum_tokens", expected)])


@pytest.mark.parametrize("tokens", [0, 1, 1_000_000])
def test_bounds_that_a_model_could_reach_are_taken(tokens: int, refused: Refused) -> None:
    assert refused(samples.request(reasoning=Reasoning(max_tokens=tokens, minimum_tokens=tokens))) == []


def test_the_least_tokens_to_think_are_at_most_the_most(refused: Refused) -> None:
    message = samples.request(reasoning=Reasoning(max_tokens=5, minimum_tokens=6))
    assert refused(message) == [("reasoning.minimum_tokens", "must be at most max_tokens")]
    for most in (0, 6):
        assert refused(samples.request(reasoning=Reasoning(max_tokens=most, minimum_tokens=6))) == []


@pytest.mark.parametrize("given", ["", "x" * 128, "界" * 128, "a b-c_d.é"])
def test_ids_that_are_accepted(given: str) -> None:
    assert to_request(samples.request(client_request_id=given)).client_request_id == given


@pytest.mark.parametrize("given", ["x" * 129, "a\tb", "a\u0000", "a\u200b", "a\u2028"])
def test_ids_that_are_refused(given: str, refused: Refused) -> None:
    assert [path for path, _ in refused(samples.request(client_request_id=given))] == ["client_request_id"]


def test_integral_numbers_leave_as_integers() -> None:
    members = {"i": 5, "f": 0.5, "none": None, "b": True, "s": "5", "list": [1, 2.5, [3]], "o": {"deep": {"x": -7}}}
    body = to_request(samples.request(extra_body=extra(**members))).extra_body
    assert body == members
    assert isinstance(body["i"], int)
    assert isinstance(body["b"], bool)
    assert body["list"] == [1, 2.5, [3]]
    assert repr(body["list"]) == "[1, 2.5, [3]]"


def test_numbers_beyond_exact_integers_stay_what_they_are() -> None:
    body = to_request(samples.request(extra_body=extra(edge=2.0**53, beyond=2.0**60))).extra_body
    assert (repr(body["edge"]), repr(body["beyond"])) == (str(2**53), repr(2.0**60))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused_by_their_path(number: float, refused: Refused) -> None:
    message = samples.request(extra_body=extra(bias={"list": [0, [number]]}))
    assert refused(message) == [("extra_body.bias.list[1][0]", "must be a finite number")]


def test_reserved_fields_are_refused_each_by_name(refused: Refused) -> None:
    for name in RESERVED_BODY_FIELDS:
        assert [path for path, _ in refused(samples.request(extra_body=extra(**{name: 1})))] == [f"extra_body.{name}"]
    assert {"model", "stream", "stream_options", "messages", "n"} <= RESERVED_BODY_FIELDS


def test_every_field_of_the_request_that_reaches_the_body_is_reserved() -> None:
    sampling = {field.name for field in Sampling.DESCRIPTOR.fields}
    own = {"tools", "tool_choice", "response_format", "stop", "max_tokens", "max_completion_tokens"}
    assert sampling | own | {"reasoning_effort"} <= RESERVED_BODY_FIELDS


def test_members_of_members_are_free(refused: Refused) -> None:
    assert refused(samples.request(extra_body=extra(chat_template_kwargs={"model": 1, "n": 2}))) == []


def test_extra_body_is_bounded_in_bytes(refused: Refused) -> None:
    assert refused(samples.request(extra_body=extra(grammar="x" * 250_000))) == []
    assert refused(samples.request(extra_body=extra(grammar="x" * 300_000))) == [
        ("extra_body", "must be at most 262144 bytes")
    ]


def test_long_names_are_not_repeated_for_each_value(refused: Refused) -> None:
    # A path for each value would be 4 GB of text here.
    message = samples.request(extra_body=extra(**{"k" * 100_000: [math.nan, *[0] * 10_000, math.nan]}))
    assert [len(path) for path, _ in refused(message)] == [200, 200]
