import json
from typing import Any

import pytest
from triphase_benchmark.engines.address import parse_address
from triphase_benchmark.engines.body import RESERVED, ReservedMember, chat_body
from triphase_benchmark.engines.profiles import ALIASES, PROFILES, find_profile

TURNS = (("user", "Hello?"),)


def body(profile: str, **more: Any) -> Any:
    return json.loads(chat_body(TURNS, profile=PROFILES[profile], model="m", **more))


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_asks_for_a_stream_with_usage(name: str) -> None:
    made = body(name)
    assert made["stream"] is True
    assert made["stream_options"]["include_usage"] is True
    assert made["messages"] == [{"role": "user", "content": "Hello?"}]
    assert not {"max_tokens", "min_tokens", "ignore_eos"} & made.keys()


BOTH = {"max_tokens": 9, "min_tokens": 9}
FRIENDLI = BOTH | {"parse_reasoning": True, "include_reasoning": True}
LENGTHS = {
    "generic": BOTH,
    "openai": {"max_completion_tokens": 9},
    "vllm": BOTH,
    "friendli-container": FRIENDLI,
    "friendli-dedicated": FRIENDLI,
    "friendli-serverless": FRIENDLI,
    "sglang": BOTH,
    "llama.cpp": {"max_tokens": 9, "ignore_eos": True},
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_length_is_the_least_and_the_most(name: str) -> None:
    made = body(name, output_tokens=9)
    assert {key: made[key] for key in made.keys() - RESERVED} == LENGTHS[name]
    assert PROFILES[name].holds_length is (name != "openai")


def test_a_whole_answer_is_asked_for_without_options_of_streams() -> None:
    made = body("vllm", streams=False)
    assert made["stream"] is False
    assert "stream_options" not in made


def test_a_salt_goes_where_the_engine_knows_it() -> None:
    assert body("vllm", cache_salt="s")["cache_salt"] == "s"
    assert "cache_salt" not in body("generic", cache_salt="s")


def test_a_prompt_brings_members_but_not_those_that_say_what_is_measured() -> None:
    assert body("generic", extra_body={"temperature": 0, "max_tokens": 5})["max_tokens"] == 5
    for name in RESERVED:
        with pytest.raises(ReservedMember, match=name):
            body("generic", extra_body={name: 1})


def test_the_same_arguments_make_the_same_bytes() -> None:
    made = [
        chat_body(TURNS, profile=PROFILES["vllm"], model="m", output_tokens=3, extra_body={"seed": 1}) for _ in "ab"
    ]
    assert made[0] == made[1]


def test_other_words_lead_to_profiles() -> None:
    assert {ALIASES[word] for word in ALIASES} <= PROFILES.keys()
    assert find_profile("friendli") is PROFILES["friendli-container"]
    assert find_profile("nothing") is None


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://h:8000", "h:8000", "/v1/models"),
        ("http://h:8000/", "h:8000", "/v1/models"),
        ("http://h:8000/v1", "h:8000", "/v1/models"),
        ("https://api.example.com/serverless/v1/", "api.example.com", "/serverless/v1/models"),
        ("http://[::1]:80", "[::1]", "/v1/models"),
        ("grpc://h", "h:50051", "/v1/models"),
    ],
)
def test_an_address_means_one_api_however_it_is_written(url: str, authority: str, path: str) -> None:
    address = parse_address(url)
    assert (address.authority, address.api("/models")) == (authority, path)
