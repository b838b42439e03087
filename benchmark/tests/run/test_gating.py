import pytest
from triphase_benchmark.comparison.gate import Gate, GateVerdict
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.run.gating import GateCourse, measure_of, share_of


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("12.5%", 0.125)])
def test_shares(text: str, share: float) -> None:
    assert share_of(text, "--max-regress") == pytest.approx(share)


@pytest.mark.parametrize("text", ["five", "-1%", "100%", "1", "", "%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--max-regress"):
        share_of(text, "--max-regress")


def test_measures_are_named_as_in_the_tables() -> None:
    assert measure_of("ttft.p99") == ("ttft", "p99")
    with pytest.raises(BadInput, match="no metric 'ttfb'"):
        measure_of("ttfb.p50")
    with pytest.raises(BadInput, match="output_throughput has rate"):
        measure_of("output_throughput.p50")


def test_before_a_look_and_with_a_slow_client_nothing_is_claimed() -> None:
    course = GateCourse(Gate(max_regress=0.05), "base", "new")
    assert course.verdict(client_ok=True) is GateVerdict.INCONCLUSIVE
    assert course.lines(client_ok=False) == [
        "Gate: new against base, at most 5 % worse: INCONCLUSIVE, since the client was too slow to tell"
    ]
