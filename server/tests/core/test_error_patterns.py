"""What errors really are: built-in patterns, an operator's before them, and nothing where no words fit."""

import base64
import json
from pathlib import Path

import pytest
from triphase_server.core.detection import Detection
from triphase_server.core.error_patterns import ErrorPattern, concerned, meant_status
from triphase_server.core.errors import UpstreamError, UpstreamOverloaded, UpstreamRejected
from triphase_server.core.generation import Generation

RECORDINGS = Path(__file__).parents[3] / "testdata/upstream"


def recorded(name: str) -> str:
    """Returns the body of a recorded exchange, as text."""
    reads = json.loads((RECORDINGS / f"{name}.json").read_text())["reads"]
    return b"".join(base64.b64decode(read["b64"]) for read in reads).partition(b"\r\n\r\n")[2].decode()


BUSY = ErrorPattern(contains="KV cache is full", status=500, treat_as=503)


@pytest.mark.parametrize(
    "body",
    [
        recorded("vllm-0.32-error-context-length"),
        "Requested tokens (1290) exceed context window of 1024",
        "the request exceeds the available context size, try increasing it",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
        "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
    ],
    ids=["vllm", "llama-cpp-python", "llama.cpp", "tgi", "sglang"],
)
def test_a_prompt_that_is_too_long_is_the_requests_fault_whatever_the_status_says(body: str) -> None:
    assert meant_status(500, json.dumps({"error": {"message": body}}), ()) == 400
    assert meant_status(500, body.upper(), ()) == 400


@pytest.mark.parametrize(
    ("status", "text", "meant"),
    [
        (500, "the kv CACHE is full", 503),
        (502, "the KV cache is full", 502),
        (500, "something else", 500),
        (500, "", 500),
        (503, "This model's maximum context length is 8 tokens", 400),
        (429, "This model's maximum context length is 8 tokens", 429),
        (302, "This model's maximum context length is 8 tokens", 302),
    ],
)
def test_a_pattern_counts_for_its_status_and_its_words(status: int, text: str, meant: int) -> None:
    assert meant_status(status, text, (BUSY,)) == meant


def test_the_first_that_fits_counts_and_an_operators_comes_before_what_is_built_in() -> None:
    own = ErrorPattern(contains="context", treat_as=413)
    assert meant_status(500, "maximum context length", (own, BUSY)) == 413


def test_the_body_matters_only_where_a_pattern_is_about_the_status() -> None:
    assert concerned(500, ())
    assert not concerned(400, (BUSY, ErrorPattern(contains="x")))
    assert concerned(400, (ErrorPattern(contains="x", status=400),))


def test_words_that_an_engine_repeats_in_a_4xx_do_not_become_its_failure() -> None:
    anywhere = ErrorPattern(contains="no slot", treat_as=503)
    assert meant_status(500, "no slot", (anywhere,)) == 503
    assert meant_status(400, "unknown role: no slot", (anywhere,)) == 400
    assert meant_status(400, "no slot", (ErrorPattern(contains="no slot", status=400, treat_as=503),)) == 503


@pytest.mark.parametrize(
    ("text", "kind"), [("maximum context length", UpstreamRejected), ("KV cache is full", UpstreamOverloaded)]
)
def test_an_error_inside_a_response_is_what_its_words_say(text: str, kind: type[UpstreamError]) -> None:
    generation = Generation(Detection(), errors=(BUSY,))
    generation.feed(b"data: " + json.dumps({"error": {"message": text, "code": 500}}).encode() + b"\n\n")
    assert type(generation.failure) is kind
    assert generation.failure.metadata["upstream_status"] == "500"
    assert generation.came == {"reasoning_characters": 0, "output_characters": 0}
