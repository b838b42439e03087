import pytest
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.run.slo_flag import slos_of


def test_bounds_are_seconds() -> None:
    assert slos_of("ttft=500ms,tpot=30ms, e2e=2s") == {"ttft": 0.5, "tpot": 0.03, "e2e": 2.0}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ttfb=1s", "'ttfb' is no measure"),
        ("ttft=500", "'500' is no time"),
        ("ttft=0ms", "'0ms' is no time"),
        ("ttft", "'' is no time"),
        ("ttft=1s,ttft=2s", "bounds ttft twice"),
    ],
)
def test_what_is_wrong_is_named(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        slos_of(text)
