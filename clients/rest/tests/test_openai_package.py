"""The official `openai` package, unmodified, against the facade before the real gateway with its embedded engine.

Run by `tox -e rest`, which builds the program and installs the package.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

openai = pytest.importorskip("openai", reason="runs in `tox -e rest`")

ASK: Any = [{"role": "user", "content": "What is 47 + 38?"}]


@contextmanager
def listening(command: Sequence[str], pattern: str) -> Iterator[str]:
    """Runs a program until it says where it listens; ends it afterwards."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(pattern, line):
                    yield found[1]
                    return
            raise AssertionError(f"{command[0]} ended with {process.wait()}")
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    gateway = [sys.executable, "-m", "triphase_server", "serve", "--listen", "127.0.0.1:0"]
    with listening(gateway, r"is listening on (\S+)") as address:
        rest = [os.environ["TRIPHASE_REST_BIN"] + "/triphase-rest", "--gateway", address, "--listen", "127.0.0.1:0"]
        with listening(rest, r"is listening on (\S+)") as url:
            yield openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def test_a_whole_answer_with_its_thoughts_and_usage(client: Any) -> None:
    answer = client.chat.completions.create(model="reference", messages=ASK, reasoning_effort="low")
    assert answer.choices[0].message.content == "47 + 38 = 85"
    assert answer.choices[0].message.reasoning_content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > answer.usage.completion_tokens_details.reasoning_tokens > 0


def test_a_stream_says_the_same(client: Any) -> None:
    usage = {"include_usage": True}
    with client.chat.completions.create(model="reference", messages=ASK, stream=True, stream_options=usage) as stream:
        chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "47 + 38 = 85"
    assert "".join(getattr(delta, "reasoning", None) or "" for delta in deltas)
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens


def test_summaries_where_they_are_asked_for(client: Any) -> None:
    wish = {"triphase": {"summaries": "auto"}}
    answer = client.chat.completions.create(model="reference", messages=ASK, extra_body=wish)
    assert answer.choices[0].message.triphase["prompt_summary"] == "What is 47 + 38?"
    assert answer.choices[0].message.triphase["reasoning_summary"]


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["reference"]
    assert client.models.retrieve("reference").owned_by == "triphase"


def test_errors_are_the_packages_own(client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nope", messages=ASK)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="reference", messages=ASK, n=2)
    assert refused.value.param == "n"


def test_a_stream_that_is_left_early_leaves_the_gateway_well(client: Any) -> None:
    with client.chat.completions.create(model="reference", messages=ASK, stream=True) as stream:
        next(iter(stream))
    assert client.chat.completions.create(model="reference", messages=ASK).choices[0].message.content == "47 + 38 = 85"
