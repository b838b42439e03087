"""The command line: help, and one clear line with an exit code for each mistake, before any engine is asked."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from run_fakes.processes import benchmark
from triphase_benchmark.cli.failures import EXIT_CODES, Exit

ONE = ("--engine", "a=http://127.0.0.1:9")
COMMANDS = ("run", "demo", "sweep", "compare", "report", "gate", "probe", "effort", "simulate", "selftest")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    ended = benchmark(command, "--help")
    assert ended.code == 0
    assert "Usage:" in ended.out


def test_all_commands_and_exit_codes_stand_in_the_help() -> None:
    told = " ".join(benchmark("--help").out.split())
    assert all(command in told for command in COMMANDS)
    assert EXIT_CODES in told
    assert all(f"{code.value} " in EXIT_CODES for code in Exit)


def test_a_command_for_one_engine_speaks_of_no_baseline() -> None:
    assert "baseline" in benchmark("sweep", "--help").out
    assert "Just one." in benchmark("effort", "--help").out
    assert "baseline" not in benchmark("effort", "--help").out


@pytest.mark.parametrize("page", ["benchmark.md", "benchmark-workloads.md", "effort-probe.md", "simulated-engine.md"])
def test_documented_options_exist(page: str) -> None:
    known = {name for command in COMMANDS for name in re.findall(r"--[a-z-]+", benchmark(command, "--help").out)}
    docs = Path(__file__).parents[3] / "docs"
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", (docs / page).read_text(encoding="utf-8")))
    others = {"--package", "--help"}  # uv's, and everybody's
    assert len(named) >= 5
    assert named - known <= others


def test_help_loads_nothing_that_is_slow() -> None:
    program = (
        "import sys\nfrom triphase_benchmark.cli.app import app\napp(['--help'], standalone_mode=False)\n"
        "assert not {'numpy', 'scipy', 'pyarrow', 'altair', 'grpc'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_asking_for_efforts_waits_neither_for_statistics_nor_for_charts() -> None:
    program = (
        "import sys\nimport triphase_benchmark.cli.effort\n"
        "assert not {'scipy.stats', 'altair', 'vl_convert'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_begins_without_what_only_its_end_needs() -> None:
    program = (
        "import sys\nimport triphase_benchmark.cli.running\n"
        "assert not {'scipy.stats', 'altair', 'vl_convert', 'grpc', 'ray'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run",), "no engine: name one with --engine"),
        (("run", "--engine", "http://127.0.0.1:9"), "expected NAME=URL"),
        (("run", "--engine", "a=ftp://x"), "does not begin with http://"),
        (("run", *ONE, *ONE), "two engines are called a"),
        (("run", "--vllm-url", "http://127.0.0.1:9", "-e", "vllm=http://127.0.0.1:8"), "two engines are called vllm"),
        (("run", *ONE, "--load", "crowd:3"), "is no load: it takes"),
        (("run", *ONE, "--load", "closed:4", "--duration", "5s"), "a closed loop takes numbers of requests"),
        (("run", *ONE, "--requests", "5", "--duration", "5s"), "exclude each other"),
        (("run", *ONE, "--requests", "5s"), "it takes a number"),
        (("run", *ONE, "--duration", "5"), "it takes a time"),
        (("run", *ONE, "--warmup", "5x"), "--warmup '5x'"),
        (("run", *ONE, "--warm-up", "5x"), "--warmup '5x'"),
        (("run", *ONE, "--workload", "poems"), "is none: it takes"),
        (("run", *ONE, "--workload", "missing.jsonl"), "missing.jsonl"),
        (("run", *ONE, "--slo", "ttft=fast"), "is no time"),
        (("run", *ONE, "--baseline", "b"), "--baseline b"),
        (("run", *ONE, "--quiet", "--json"), "only one can be had"),
        (("run", *ONE, "--workers", "0"), "it takes a number from 1 to 256"),
        (("run", *ONE, "--workers", "rays://x:1"), "it takes a number from 1 to 256"),
        (("run", *ONE, "--workers", "ray"), "--workers ray needs Ray: install triphase-benchmark[ray]"),
        (("run", *ONE, "--workers", "ray://x:1"), "needs Ray: install triphase-benchmark[ray]"),
        (("run", *ONE, "--tokenizer", "nowhere"), "--tokenizer nowhere"),
        (("run", "--engine-file", "missing.toml"), "missing.toml"),
        (("gate", *ONE), "a gate takes two engines"),
        (("gate", *ONE, "--engine", "b=http://127.0.0.1:9", "--max-regress", "lots"), "--max-regress 'lots'"),
        (("gate", *ONE, "--engine", "b=http://127.0.0.1:9", "--measure", "speed"), "no metric 'speed'"),
        (("sweep", *ONE, "--load", "ramp"), "a sweep takes poisson, constant, closed"),
        (("sweep", *ONE, "--from", "8", "--to", "2"), "goes up from one to the other"),
        (("sweep", *ONE, "--load", "closed", "--from", "1.5"), "whole numbers"),
        (("effort",), "no engine: name one with --engine"),
        (("effort", *ONE, "--engine", "b=http://127.0.0.1:9"), "a probe of effort takes one engine, and these are 2"),
        (("effort", *ONE, "--levels", "low"), "from 2 to 7 levels"),
        (("effort", *ONE, "--field", "a..b", "--levels", "1,2"), "it takes a member of the request"),
        (("effort", *ONE, "--field", "thinking_token_budget"), "it needs --levels"),
        (("effort", *ONE, "--prompts", "poems"), "it takes general, sums or a file"),
        (("effort", *ONE, "--stages", "many"), "it takes PROMPTSxSEEDS"),
        (("effort", *ONE, "--temperature", "hot"), "it takes a number from 0 to 2"),
        (("effort", *ONE, "--temperature", "nan"), "it takes a number from 0 to 2"),
        (("run", "--no-such-flag"), "No such option: --no-such-flag"),
        (("--no-such-flag",), "No such option: --no-such-flag (see `triphase-benchmark --help`)"),
        (("rum",), "No such command 'rum'"),
        (("report",), "Missing argument 'DIR' (see `triphase-benchmark report --help`)"),
        (("run", *ONE, "-n", "many"), "Invalid value for '--iterations' / '-n'"),
        (("sweep", *ONE, "--seconds", "0.1"), "Invalid value for '--seconds'"),
        (("run", *ONE, "--seed"), "requires an argument"),
        (("simulate", "--set", "timing.step=1"), "unknown field `step` - at `$.timing`"),
        (("simulate", "--set", "timing"), "expected KEY=VALUE"),
        (("simulate", "--profile", "none"), "Invalid value for '--profile'"),
        (("compare", "one"), "needs two folders"),
        (("compare", "one", "two"), "holds no run"),
        (("report", "nowhere"), "holds no run"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_gets_one_line(
    arguments: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("triphase_benchmark.run.crews.find_spec", lambda _: None)  # Ray is an extra, and may be there
    ended = benchmark(*arguments)
    assert ended.code == Exit.USAGE
    (line,) = ended.err.splitlines()
    assert line.startswith("triphase-benchmark: ")
    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_one_line_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = benchmark("simulate", "--port", str(taken.getsockname()[1]))
    assert ended.code == Exit.USAGE
    (line,) = ended.err.splitlines()
    assert line.startswith("triphase-benchmark: cannot listen on 127.0.0.1")


def test_results_never_go_over_others(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    ended = benchmark("run", *ONE, "--out", str(tmp_path))
    assert ended.code == Exit.USAGE
    assert "is not empty" in ended.err


def test_no_arguments_at_all_ask_for_help() -> None:
    ended = benchmark()
    assert ended.code == Exit.USAGE
    assert "Usage:" in ended.out + ended.err


def test_a_key_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    ended = benchmark("run", "--engine", "a=http://127.0.0.1:9,key=SOME_KEY", "--out", str(tmp_path / "x"), "-q")
    assert ended.code == Exit.ENGINE
    assert "the environment variable SOME_KEY is not set" in ended.err
