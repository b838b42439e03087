"""Facts of the machine: those of its accelerators, by a program that is there, is not, or does not do well."""

import sys
from pathlib import Path

import pytest
from triphase_benchmark.run.machine import machine_facts

ONE = "NVIDIA H100 80GB HBM3, 570.86.15, 81559 MiB"
ASKED = "--query-gpu=name,driver_version,memory.total --format=csv,noheader"


def smi(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a program of the name `nvidia-smi` on the path."""
    file = folder / "nvidia-smi"
    file.write_text(f"#!{sys.executable}\nimport sys\n{program}\n", encoding="utf-8")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_accelerators_are_named_with_driver_and_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, f"assert sys.argv[1:] == {ASKED.split()}\nprint({ONE!r})\nprint({ONE!r})", monkeypatch)
    assert machine_facts()["gpu"] == f"{ONE}; {ONE}"


@pytest.mark.parametrize(
    "program", ["print('NVIDIA-SMI has failed')\nsys.exit(9)", "sys.stdout.buffer.write(b'\\xff')"]
)
def test_a_program_that_fails_is_no_fact(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi(tmp_path, program, monkeypatch)
    assert "gpu" not in machine_facts()


def test_a_machine_without_that_program_has_no_such_fact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    facts = machine_facts()
    assert "gpu" not in facts
    assert {"cores", "kernel", "architecture", "python"} <= facts.keys()
