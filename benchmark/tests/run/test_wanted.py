"""What a run wants: the same plan from the same seed, in any process; and what cannot be wanted."""

import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.digest import digests
from triphase_benchmark.plan.making import make_plan
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.run.wanted import Wanted

ENGINES = (Engine(name="a", url="http://127.0.0.1:1"), Engine(name="b", url="http://127.0.0.1:2"))
PROGRAM = """
from pathlib import Path
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.digest import digests
from triphase_benchmark.plan.making import make_plan
from triphase_benchmark.run.wanted import Wanted
engines = (Engine(name="a", url="http://127.0.0.1:1"), Engine(name="b", url="http://127.0.0.1:2"))
print(digests(make_plan(Wanted(engines=engines, out=Path("x"), argv=(), seed=7, load="poisson:20").wish())).plan)
"""


def wanted(seed: int = 7, *, engines: tuple[Engine, ...] = ENGINES, baseline: str | None = None) -> Wanted:
    return Wanted(engines=engines, out=Path("x"), argv=(), seed=seed, load="poisson:20", baseline=baseline)


def test_the_same_seed_gives_the_same_plan_in_another_process() -> None:
    here = digests(make_plan(wanted().wish())).plan
    command = [sys.executable, "-P", "-c", PROGRAM]
    there = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "1"})
    assert there.stdout.strip() == here
    assert digests(make_plan(wanted(8).wish())).plan != here


def test_the_first_engine_is_the_baseline_unless_another_is_named() -> None:
    assert wanted().against == "a"
    assert wanted(baseline="b").against == "b"


def test_the_configuration_has_the_digest_of_the_tokenizer() -> None:
    assert wanted().configuration()["tokenizer_digest"] is None
    told = replace(wanted(), tokenizer="reference").configuration()
    file = resources.files("triphase_model") / "reference" / "tokenizer.model"
    assert (told["tokenizer"], told["tokenizer_digest"]) == ("reference", sha256(file.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("engines", "baseline", "told"),
    [((), None, "no engine"), ((ENGINES[0],) * 2, None, "two engines are called a"), (ENGINES, "c", "--baseline c")],
)
def test_engines_need_names(engines: tuple[Engine, ...], baseline: str | None, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        wanted(engines=engines, baseline=baseline).check()
