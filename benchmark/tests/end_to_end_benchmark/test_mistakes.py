"""What is wrong with what a user gave: one clear line, exit code 2, and nothing is made or asked."""

import json
from pathlib import Path

import pytest
from triphase_benchmark.cli.app import app
from typer.testing import CliRunner

from end_to_end_benchmark.engines import command

ENGINE = ("--engine", "a=http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run",), "no engine"),
        (("run", "--engine", "a"), "NAME=URL"),
        (("run", *ENGINE, *ENGINE), "two engines are called a"),
        (("run", *ENGINE, "--baseline", "b"), "--baseline b"),
        (("run", *ENGINE, "--load", "poison:8"), "--load 'poison:8'"),
        (("run", *ENGINE, "--workload", "nothing"), "--workload 'nothing'"),
        (("run", *ENGINE, "--slo", "ttft=fast"), "'fast' is no time"),
        (("run", *ENGINE, "--slo", "beauty=1s"), "'beauty' is no measure"),
        (("run", *ENGINE, "--requests", "5", "--duration", "5s"), "exclude each other"),
        (("run", *ENGINE, "--quiet", "--json"), "only one can be had"),
        (("run", *ENGINE, "--out", "taken"), "--out taken is not empty"),
        (("gate", *ENGINE, "--max-regress", "5%"), "a gate takes two engines"),
        (("report", "nowhere"), "nowhere"),
        (("report", "old"), "version 0"),
        (("compare", "taken", "old"), "taken"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text(json.dumps({"tables": 0}))
    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("triphase-benchmark: ")
    assert said in line
    assert {path.name for path in tmp_path.iterdir()} == before


async def test_help_names_all_commands_and_loads_neither_arrow_nor_charts(tmp_path: Path) -> None:
    done = await command("--help", cwd=tmp_path)
    assert done.code == 0
    names = ("run", "demo", "gate", "sweep", "compare", "report", "probe", "simulate", "selftest")
    assert [name for name in names if name not in done.out] == []
