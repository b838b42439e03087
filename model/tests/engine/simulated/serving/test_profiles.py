"""Settings from a profile, a file and the command line; and the engine as a process of its own."""

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest
from triphase_model.cli import app
from triphase_model.engine.process import EngineFailed, SimulatedProcess
from triphase_model.engine.simulated.serving.profiles import PROFILES, WrongSettings, settings_of
from triphase_model.engine.simulated.serving.settings import Jitter, Queue, Steps, TimeMode, Wire
from triphase_model.engine.simulated.serving.truth import read_truth
from triphase_model.engine.simulating import Profile, Time
from typer.testing import CliRunner

ASKED = {"messages": [{"role": "user", "content": "x"}], "stream": True, "max_tokens": 3, "ignore_eos": True}


def test_the_command_line_names_every_profile() -> None:
    assert {profile.value for profile in Profile} == set(PROFILES)
    assert {time.value for time in Time} == {mode.value for mode in TimeMode}


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_says_that_it_is_simulated(name: str) -> None:
    settings = settings_of(name)
    assert settings == PROFILES[name]
    assert all("simulated" in said for said in (settings.model, settings.server, settings.version))


def test_what_is_more_specific_wins() -> None:
    config = """
        seed = 5
        [timing]
        step_s = 0.5
        max_sequences = 9
        [wire]
        reasoning = "inline"
    """
    settings = settings_of("vllm", config=config, given=["timing.step_s=0.25", "jitter.kind=gamma"], seed=7)
    assert settings.timing == Steps(step_s=0.25, max_sequences=9)
    assert settings.seed == 7
    assert settings.jitter == Jitter(kind="gamma", cv=0.05)
    assert settings.wire == Wire(reasoning="inline")
    assert settings_of("vllm", config=config).seed == 5


def test_another_kind_of_timing_has_its_own_defaults() -> None:
    assert settings_of("vllm", given=["timing.kind=queue", "timing.servers=3"]).timing == Queue(servers=3)
    assert settings_of("friendli", given=["timing.kind=steps"]).timing == PROFILES["friendli"].timing


@pytest.mark.parametrize(
    ("profile", "config", "given", "message"),
    [
        ("sglang", None, (), "no profile 'sglang'"),
        ("vllm", "seed = ", (), "not TOML"),
        ("vllm", None, ("seed",), "expected KEY=VALUE"),
        ("vllm", None, ("timing.steps=3",), "unknown field `steps` - at `$.timing`"),
        ("vllm", None, ("timing.step_s=0",), "> 0.0 - at `$.timing.step_s`"),
        ("vllm", None, ("wire.role=late",), "`$.wire.role`"),
        ("vllm", None, ("model=gpt",), "`model` must hold the word 'simulated'"),
        ("vllm", None, ('server="simulated\\r\\nX: y"',), "`$.server`"),
        ("vllm", "[stalls]\nlength_s = 3\nevery_s = 2", (), "`every_s` must be longer"),
    ],
)
def test_wrong_settings_name_their_place(
    profile: str, config: str | None, given: tuple[str, ...], message: str
) -> None:
    with pytest.raises(WrongSettings) as caught:
        settings_of(profile, config=config, given=given)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "wire.role=late"], "triphase-model: Invalid enum value 'late' - at `$.wire.role`\n"),
        (["--truth", "/nowhere/truth"], "triphase-model: cannot write /nowhere/truth: No such file or directory\n"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["simulate", "--port", "0", *arguments])
    assert (result.exit_code, result.stderr) == (2, message)


def test_help_names_the_knobs() -> None:
    result = CliRunner().invoke(app, ["simulate", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == 0
    for word in ("--profile", "--truth", "--seed", "--time", "--config", "--set", "vllm", "friendli", "null"):
        assert word in result.stdout


async def test_a_process_of_its_own(tmp_path: Path) -> None:
    truth, config = tmp_path / "truth.jsonl", tmp_path / "config.toml"
    config.write_text("[lengths]\nreasoning = 0\n")
    async with asyncio.timeout(60):
        async with (
            SimulatedProcess(
                profile="friendli", config=config, settings=["timing.step_s=0.001"], seed=3, truth=truth
            ) as engine,
            aiohttp.ClientSession(engine.url) as http,
            http.post("/v1/chat/completions", json=ASKED, headers={"x-request-id": "r"}) as response,
        ):
            assert (await response.read()).count(b'"content":" ') > 0
        header, (row,) = read_truth(truth)
    assert (header.seed, header.model) == (3, "simulated-friendli")
    assert (row.request, row.reasoning_tokens, row.outcome) == ("r", 0, "completed")


async def test_a_slow_reader_gets_every_byte_in_its_order(tmp_path: Path) -> None:
    """On the loop that the process has (uvloop), where what the socket does not take waits in the transport."""
    asked = ASKED | {"max_tokens": 50_000, "stream_options": {"include_usage": True, "continuous_usage_stats": True}}
    async with asyncio.timeout(60):
        async with (
            SimulatedProcess(profile="null", truth=tmp_path / "truth.jsonl") as engine,
            aiohttp.ClientSession(engine.url, read_bufsize=1 << 12) as http,
            http.post("/v1/chat/completions", json=asked) as response,
        ):
            lines = [line async for line in response.content]
        (row,) = read_truth(tmp_path / "truth.jsonl")[1]
    chunks = [line[6:] for line in lines if b'"content":" ' in line or b'"reasoning":" ' in line]
    made = [msgspec.json.decode(chunk)["usage"]["completion_tokens"] for chunk in chunks]
    assert made == list(range(1, 50_001))
    assert len(row.sent) == 50_000


async def test_a_process_that_cannot_start(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineFailed, match="exit code 2"):
        async with SimulatedProcess(settings=["seed=x"]):
            pass
    assert "at `$.seed`" in capfd.readouterr().err
