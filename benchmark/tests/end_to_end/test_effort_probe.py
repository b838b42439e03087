"""Probes of effort over real sockets: the reference model, which honours it; engines that do not; and none to speak of.

The probes are small, since what they rest on is proven elsewhere (`benchmark/tests/effort/test_error_rates.py`).
"""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from effort_fakes.relay import relay, without
from run_fakes.processes import Ended, begun, benchmark, embedded, gateway, simulated

SMALL = ("--prompts", "sums", "--seed", "4", "--stages", "12x1", "--levels", "none,low,high")
# Six prompts have 64 ways of signs, of which 1 % for three pairs is less than one.
TINY = ("--prompts", "sums", "--seed", "4", "--stages", "6x1", "--levels", "low,high")


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with embedded() as url:
        yield url


def probed(*arguments: str, out: Path) -> tuple[Ended, dict[str, Any]]:
    ended = benchmark("effort", *arguments, "--out", str(out), "--json")
    told: dict[str, Any] = json.loads((out / "effort.json").read_text(encoding="utf-8"))
    assert ended.result["verdict"] == told["verdict"]
    return ended, told


@pytest.fixture(scope="module")
def graded(reference: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("graded") / "probe"
    return (*probed("--engine", f"reference={reference}", *SMALL, out=out), out)


def test_the_reference_model_thinks_for_as_long_as_it_is_asked_to(graded: tuple[Ended, dict[str, Any], Path]) -> None:
    ended, told, out = graded
    assert ended.code == 0, ended.err
    assert (told["verdict"], told["ending"], told["counted_by"]) == ("graded", "whole", "usage")
    assert told["groups"] == [["none"], ["low"], ["high"]]
    tokens = {level["level"]: level["reasoning_tokens"] for level in told["levels"]}
    assert tokens["none"] == 0
    assert tokens["high"] > 5 * tokens["low"]
    assert all(level["checked"] == 12 for level in told["levels"])
    assert told["notes"] == [next(note for note in told["notes"] if "refuses 8192 tokens" in note)]
    assert {path.name for path in out.iterdir()} == {"effort.json", "effort.png", "effort.html"}


def test_progress_and_result_are_lines_of_json(graded: tuple[Ended, dict[str, Any], Path]) -> None:
    lines = [json.loads(line) for line in graded[0].out.splitlines()]
    assert [line["event"] for line in lines[-2:]] == ["progress", "result"]
    last = lines[-2]
    assert (last["stage"], last["done"], last["planned"]) == (1, 48, 48)
    assert [level["done"] for level in last["levels"]] == [12, 12, 12, 12]
    assert {Path(name).name for name in lines[-1]["files"]} == {"effort.json", "effort.png", "effort.html"}


def test_every_answer_is_kept_in_the_order_in_which_it_was_asked(graded: tuple[Ended, dict[str, Any], Path]) -> None:
    samples = graded[1]["samples"]
    assert [sample["number"] for sample in samples] == list(range(48))
    assert {sample["arm"] for sample in samples} == {"none", "low", "high", "twin"}
    assert all(sample["failure"] is None and sample["finish_reason"] == "stop" for sample in samples)


def test_an_engine_that_ignores_effort_is_found_out(reference: str, tmp_path: Path) -> None:
    with relay(reference, without("reasoning_effort")) as url:
        ended, told = probed("--engine", f"deaf={url}", *SMALL, out=tmp_path / "probe")
    assert ended.code == 1, ended.err
    assert told["verdict"] == "none"
    assert {pair["ratio"] for pair in told["pairs"]} == {1.0}


def test_a_switch_that_a_level_is_made_of_is_binary(reference: str, tmp_path: Path) -> None:
    field = ("--field", "chat_template_kwargs.enable_thinking", "--levels", "true,false")
    ended, told = probed("--engine", f"one={reference}", *SMALL[:6], *field, out=tmp_path / "probe")
    assert ended.code == 0, ended.err
    assert (told["verdict"], told["groups"]) == ("binary", [["false"], ["true"]])


def test_through_the_gateway_the_same_is_seen(reference: str, tmp_path: Path) -> None:
    with gateway(tmp_path, upstream=reference, model="triphase-reference") as address:
        ended, told = probed("--engine", f"gateway=grpc://{address}", *SMALL, out=tmp_path / "probe")
    assert ended.code == 0, ended.err
    assert told["verdict"] == "graded"
    assert {level["level"]: level["applied"] for level in told["levels"]} == {
        "none": ["none"],
        "low": ["low"],
        "high": ["high"],
        "twin": ["high"],
    }


def test_thoughts_are_counted_where_the_engine_does_not(reference: str, tmp_path: Path) -> None:
    with relay(reference, without("stream_options")) as url:
        given = ("--tokenizer", "reference", "--engine", f"one={url}", *SMALL)
        ended, told = probed(*given, out=tmp_path / "probe")
    assert ended.code == 0, ended.err
    assert (told["verdict"], told["counted_by"]) == ("graded", "the text up to the closing tag")


def test_answers_that_are_cut_off_give_no_figure(reference: str, tmp_path: Path) -> None:
    ended, told = probed("--engine", f"one={reference}", *TINY, "--max-tokens", "40", out=tmp_path / "probe")
    assert ended.code == 3, ended.err
    assert told["verdict"] == "censored"
    assert "cut off by the limit of 40 tokens" in told["reason"]
    assert_no_figure(told)
    assert {path.name for path in (tmp_path / "probe").iterdir()} == {"effort.json", "effort.html"}


def assert_no_figure(told: dict[str, Any]) -> None:
    assert told["pairs"] == []
    assert told["trend"] is told["twin"] is told["counted_by"] is None
    assert {level["reasoning_tokens"] for level in told["levels"]} == {None}


def fault(folder: Path, text: str) -> str:
    file = folder / "faults.toml"
    file.write_text(f"[[faults]]\nshare = 0.4\nfault = {text}\n", encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ('{ kind = "status", status = 503 }', "status"),
        ('{ kind = "stall", at = "stream", after_chunks = 3 }', "timeout"),
        ('{ kind = "reset", at = "stream", after_chunks = 3 }', "reset"),
    ],
    ids=["errs", "stalls", "breaks"],
)
def test_an_engine_that_fails_gives_no_figure(text: str, told_of: str, tmp_path: Path) -> None:
    config = fault(tmp_path, text)
    with simulated("lengths.reasoning=8", config=config) as (url, _):
        given = ("--engine", f"ill={url}", *TINY, "--concurrency", "8", "--timeout", "1")
        ended, told = probed(*given, out=tmp_path / "probe")
    assert ended.code == 4, ended.err
    assert told["verdict"] == "invalid"
    assert f"by {told_of}" in told["reason"]
    assert_no_figure(told)


def test_an_engine_that_caps_gives_no_figure(reference: str, tmp_path: Path) -> None:
    def capped(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "max_tokens": 30}

    with relay(reference, capped) as url:
        ended, told = probed("--engine", f"one={url}", *TINY, out=tmp_path / "probe")
    assert ended.code == 4, ended.err
    assert told["verdict"] == "invalid"
    assert "although they might have 8192" in told["reason"]
    assert_no_figure(told)


def test_an_engine_that_does_not_think_gives_no_figure(tmp_path: Path) -> None:
    with simulated() as (url, _):
        ended = benchmark("effort", "--engine", f"one={url}", *TINY, "--out", str(tmp_path / "probe"), "-q")
    assert ended.code == 4
    (line,) = ended.err.splitlines()
    assert line.startswith("triphase-benchmark: invalid: no reasoning was seen at any level")


def test_a_level_that_the_engine_refuses_ends_it_if_it_was_named_and_is_left_out_if_not(
    reference: str, tmp_path: Path
) -> None:
    given = ("--engine", f"one={reference}", *TINY[:6], "--out", str(tmp_path / "probe"))
    ended = benchmark("effort", *given, "--levels", "low,huge", "--quiet")
    assert ended.code == 4
    (line,) = ended.err.splitlines()
    assert "one refuses reasoning_effort 'huge', and takes low" in line
    assert not (tmp_path / "probe").exists()

    def no_medium(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "n": 2} if body.get("reasoning_effort") == "medium" else body

    with relay(reference, no_medium) as url:
        ended, told = probed("--engine", f"one={url}", *TINY[:6], out=tmp_path / "probe")
    assert told["design"]["levels"] == ["none", "low", "high"]
    assert any("refuses reasoning_effort 'medium'" in note for note in told["notes"])


def test_an_engine_that_is_down_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        ended = benchmark("effort", "--engine", f"gone={url}", *TINY, "--out", str(tmp_path / "probe"))
    assert ended.code == 4
    assert ended.err.splitlines()[-1].startswith(f"triphase-benchmark: gone at {url}: ")
    assert not (tmp_path / "probe").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_probe_keeps_what_it_has_and_says_so(
    sent: signal.Signals, reference: str, tmp_path: Path
) -> None:
    out = tmp_path / "probe"
    given = ("--engine", f"one={reference}", *SMALL, "--stages", "30x9", "--out", str(out), "--json")
    with begun("effort", *given) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["done"] >= 5:
                break
        process.send_signal(sent)
        told, said = process.communicate()
    assert process.returncode == 130, said
    result = json.loads(told.splitlines()[-1])
    assert (result["ending"], result["verdict"]) == ("interrupted", "inconclusive")
    assert result["reason"].startswith("interrupted after ")
    kept = json.loads((out / "effort.json").read_text(encoding="utf-8"))
    assert 5 <= len(kept["samples"]) == kept["requests"]["answered"] < kept["requests"]["planned"]
    assert (out / "effort.html").exists()
