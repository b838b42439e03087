from pathlib import Path

import pytest
from triphase_benchmark.plan.load_flag import FORMS, amount_of, load_of
from triphase_benchmark.plan.loads import (
    Amount,
    AnyLoad,
    ClosedLoad,
    ConstantLoad,
    Duration,
    GammaLoad,
    PoissonLoad,
    RampLoad,
    Requests,
)
from triphase_benchmark.plan.problems import BadInput


@pytest.mark.parametrize(
    ("text", "load"),
    [
        ("closed:32", ClosedLoad(concurrency=32)),
        ("poisson:8", PoissonLoad(rate=8)),
        ("poisson:0.25", PoissonLoad(rate=0.25)),
        ("gamma:8,0.5", GammaLoad(rate=8, shape=0.5)),
        ("constant:8", ConstantLoad(rate=8)),
        ("ramp:1-20", RampLoad(first=1, last=20)),
        ("ramp:0.5-0.25", RampLoad(first=0.5, last=0.25)),
    ],
)
def test_a_load_is_read(text: str, load: AnyLoad) -> None:
    assert load_of(text) == load


@pytest.mark.parametrize("text", ["", "poisson", "poisson:", "uniform:8", "Poisson:8", ":8"])
def test_what_is_no_load_is_told_all_of_them(text: str) -> None:
    with pytest.raises(BadInput) as told:
        load_of(text)
    assert FORMS in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("closed:0", "a whole number from 1"),
        ("closed:2.5", "a whole number from 1"),
        ("closed:-1", "a whole number from 1"),
        ("closed:²", "a whole number from 1"),
        ("poisson:0", "'0' is not a rate"),
        ("poisson:-3", "'-3' is not a rate"),
        ("poisson:inf", "'inf' is not a rate"),
        ("poisson:nan", "'nan' is not a rate"),
        ("constant:fast", "'fast' is not a rate"),
        ("gamma:8", "a rate and a shape"),
        ("gamma:8,0", "'0' is not a shape"),
        ("ramp:5", "first and its last rate"),
        ("ramp:0-5", "'0' is not a rate"),
        ("trace:nothing.jsonl", "nothing.jsonl cannot be read"),
        ("trace:nothing.txt", "nothing.txt is no trace"),
    ],
)
def test_what_is_wrong_with_a_load_is_told(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        load_of(text)


def test_a_trace_is_read_with_its_speed_and_may_have_a_comma_in_its_name(tmp_path: Path) -> None:
    file = tmp_path / "a,b.jsonl"
    file.write_text('{"timestamp": 5, "input_length": 1, "output_length": 1}\n' * 2)
    plain, fast = load_of(f"trace:{file}"), load_of(f"trace:{file},2.5")
    assert (getattr(plain, "speed", None), getattr(fast, "speed", None)) == (1, 2.5)
    assert getattr(fast, "times_ns", None) == (0, 0)
    with pytest.raises(BadInput, match="'0' is not a speed"):
        load_of(f"trace:{file},0")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("200", Requests(count=200)),
        ("90s", Duration(ns=90_000_000_000)),
        ("1.5m", Duration(ns=90_000_000_000)),
        ("500ms", Duration(ns=500_000_000)),
        ("1h", Duration(ns=3_600_000_000_000)),
    ],
)
def test_an_amount_is_read(text: str, amount: Amount) -> None:
    assert amount_of(text, "--warmup") == amount


@pytest.mark.parametrize("text", ["", "ten", "-5", "5x", "0s", "1e3", "s", "٣"])
def test_what_is_no_amount_is_told(text: str) -> None:
    with pytest.raises(BadInput, match=r"--warmup .* a number of requests .* or a time"):
        amount_of(text, "--warmup")
