"""Requests from plain values."""

import pytest
from triphase.gateway.v1 import (
    ContentPart,
    Message,
    Reasoning,
    ReasoningEffort,
    Role,
    Sampling,
    StreamGenerateRequest,
    SummaryDetail,
)
from triphase_client import assistant, build_request, user
from triphase_client.request import EFFORTS, SUMMARY_DETAILS


def test_turns_stand_in_order() -> None:
    request = build_request(system="Be brief.", messages=[user("1+1?"), assistant("2")], prompt="And 2+2?", model="m")
    turns = [(message.role, message.content[0].text) for message in request.messages]
    assert turns == [
        (Role.ROLE_SYSTEM, "Be brief."),
        (Role.ROLE_USER, "1+1?"),
        (Role.ROLE_ASSISTANT, "2"),
        (Role.ROLE_USER, "And 2+2?"),
    ]


def test_every_field() -> None:
    request = build_request(
        model="m",
        prompt="p",
        effort="HIGH",
        max_reasoning_tokens=7,
        minimum_reasoning_tokens=3,
        summary="concise",
        include_raw=True,
        temperature=0.0,
        top_p=0.5,
        seed=0,
        max_output_tokens=9,
        stop=["END"],
        client_request_id="c",
        accept_restarts=True,
    )
    assert request == StreamGenerateRequest(
        model="m",
        messages=[Message(role=Role.ROLE_USER, content=[ContentPart(text="p")])],
        reasoning=Reasoning(
            effort=ReasoningEffort.REASONING_EFFORT_HIGH,
            summary=SummaryDetail.SUMMARY_DETAIL_CONCISE,
            include_raw=True,
            max_tokens=7,
            minimum_tokens=3,
        ),
        sampling=Sampling(temperature=0.0, top_p=0.5, seed=0),
        max_output_tokens=9,
        stop=["END"],
        client_request_id="c",
        accept_restarts=True,
    )


def test_what_is_not_given_stays_unset() -> None:
    request = build_request()
    assert not request.sampling.HasField("temperature")
    assert not request.sampling.HasField("seed")
    assert not request.messages


def test_known_words() -> None:
    assert EFFORTS == ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    assert SUMMARY_DETAILS == ("none", "concise", "auto", "detailed")


@pytest.mark.parametrize("word", ["enormous", "unspecified", "LOW "])
def test_unknown_words_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="is not one of none, minimal, low"):
        build_request(effort=word)
    with pytest.raises(ValueError, match="is not one of none, concise"):
        build_request(summary=word)
