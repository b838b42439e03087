"""What a manifest that somebody edited may say, and what becomes of it; what a comparison with a gateway is about."""

from typing import Any

import pyarrow as pa
import pytest
from metrics.request_tables import request_table
from triphase_benchmark.comparison.gate import Gate, GateDecision, GateVerdict, decide
from triphase_benchmark.comparison.pairs import Measure
from triphase_benchmark.comparison.verdicts import PRIMARY
from triphase_benchmark.records.folder import BadFolder
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.run.closing import comparison_table, rounds_table
from triphase_benchmark.run.gating import measures_of

NOBODY: pa.Table = REQUESTS.empty_table()


@pytest.mark.parametrize(
    "told",
    [
        {"load_kind": "sideways"},
        {"load_kind": ["closed"]},
        {"slo": {"ttft": "soon"}},
        {"slo": ["ttft"]},
        {"engines": [{"name": "a", "price": {"input": 1.0}}]},
        {"engines": [{"name": "a", "price": 3}]},
        {"engines": [{"price": {"input": 1.0, "output": 2.0}}]},
        {"engines": ["a"]},
    ],
)
def test_what_is_not_known_is_one_error(told: dict[str, Any]) -> None:
    with pytest.raises(BadFolder, match=r"^manifest\.json tells "):
        rounds_table(NOBODY, told)


def test_what_is_left_out_is_a_closed_loop_without_limits_or_prices() -> None:
    assert rounds_table(NOBODY, {}).num_rows == 0


MS = 1_000_000
WITH_A_GATEWAY = {
    "configuration": {"baseline": "direct"},
    "engines": [{"name": "direct", "url": "http://one:8000"}, {"name": "gateway", "url": "grpc://two:50051"}],
}


def summarized() -> pa.Table:
    """Eight rounds of an engine that shows its thoughts, and of a gateway that tells their summary alone."""
    requests = [
        {"round": number, "engine": engine, "request": request, "sent": request * 1000 * MS, "output_tokens": 3}
        | {"reasoning_tokens": 1, "ended": (request * 1000 + 400 + late) * MS}
        | {
            "chunk_times": [(request * 1000 + at + late) * MS for at in times],
            "chunk_output": [at > 100 for at in times],
        }
        | ({"accepted": request * 1000 * MS + 1, "reasoning_summary": request * 1000 * MS + 2} if late else {})
        for number in range(8)
        for engine, late, times in (("direct", 0, [100, 200, 300]), ("gateway", 2, [200, 300]))
        for request in range(12)
    ]
    return rounds_table(request_table(requests), WITH_A_GATEWAY)


def test_with_a_gateway_a_comparison_is_about_the_first_output() -> None:
    rows = comparison_table(summarized(), WITH_A_GATEWAY).to_pylist()
    told = {(row["metric"], row["statistic"]): row["verdict"] for row in rows if row["p_holm"] is not None}
    same = "no difference shown"
    assert told == {("ttfa", "p50"): "worse", ("e2e", "p50"): "worse", ("output_throughput", "rate"): same}
    assert not {"ttft", "tpot"} & {row["metric"] for row in rows}


def test_without_one_it_is_about_the_first_token() -> None:
    bare = {**WITH_A_GATEWAY, "engines": [{"name": name, "url": "http://one:1"} for name in ("direct", "gateway")]}
    rows = comparison_table(summarized(), bare).to_pylist()
    assert {row["verdict"] for row in rows if row["metric"] in {"ttft", "tpot"}} == {"too few rounds"}


def test_a_gate_at_a_gateway_that_summarizes_comes_to_a_verdict() -> None:
    def decided(measures: tuple[Measure, ...]) -> GateDecision:
        gate = Gate(max_regress=0.05, measures=measures, first=8, most=8)
        return decide(summarized(), gate, baseline="direct", engine="gateway", look=8)

    assert decided(measures_of((), gateways=True)).verdict is GateVerdict.NOT_REGRESSED
    assert measures_of((), gateways=False) == PRIMARY
    assert decided(PRIMARY).verdict is GateVerdict.INCONCLUSIVE  # as it would stay, whatever is measured
