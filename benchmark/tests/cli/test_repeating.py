"""The command that is kept with results, to do it again."""

import sys

import pytest
from triphase_benchmark.cli.engines_given import repeating


@pytest.mark.parametrize("out", [("--out", "x"), ("-o", "x"), ("--out=x",), ("-ox",), ()], ids=" ".join)
def test_a_command_is_repeated_with_its_seed_and_without_its_folder(
    out: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/triphase-benchmark", "run", *out, "-e", "a=http://x", "--quiet"])
    assert repeating(None) == ("triphase-benchmark", "run", "-e", "a=http://x", "--quiet")
    assert repeating(7) == ("triphase-benchmark", "run", "-e", "a=http://x", "--quiet", "--seed", "7")
