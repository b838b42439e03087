import pytest
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.run.slo_flag import slos_of


def test_bounds_are_seconds() -> None:
    assert slos_of("ttft=500ms, tpot=30ms,e2e=2s") == pytest.approx({"ttft": 0.5, "tpot": 0.03, "e2e": 2.0})


@pytest.mark.parametrize("text", ["", "ttft", "ttft=", "ttft=0ms", "ttft=5", "ttft=-1s", "ttft=1s,ttft=2s", "cost=1s"])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--slo"):
        slos_of(text)
