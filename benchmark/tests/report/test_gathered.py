from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from report.runs import Speed, a_run, requests, round_rows
from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.inputs import Inputs


def naive(table: pa.Table, engine: str) -> list[float]:
    """TTFT of the requests that count, one after the other."""
    return [
        (row["chunk_times"][0] - row["sent"]) / 1e9
        for row in table.to_pylist()
        if row["engine"] == engine and row["error"] is None and not row["warm_up"]
    ]


def test_distributions_are_those_of_the_requests(found: Gathered) -> None:
    table = requests()
    for engine in ("vllm", "friendli"):
        ttft = sorted(naive(table, engine))
        spread = found.spreads[engine, "ttft"]
        assert spread.count == len(ttft)
        assert spread.quantiles([0.5])[0] == pytest.approx(ttft[(len(ttft) - 1) // 2], rel=1e-3)
        assert spread.quantiles([1])[0] == pytest.approx(ttft[-1], rel=1e-12)
        assert found.spreads[engine, "itl"].count == len(ttft) * 39


def test_every_request_is_counted_once(found: Gathered) -> None:
    rows = requests().select(["engine", "warm_up", "error"]).to_pylist()
    for engine, counts in found.counts.items():
        mine = [row for row in rows if row["engine"] == engine]
        measured = [row for row in mine if not row["warm_up"]]
        assert counts.warm_up == len(mine) - len(measured)
        assert counts.planned == len(measured) == counts.succeeded + counts.failures.total()
        assert counts.failures == Counter(row["error"] for row in measured if row["error"])
    assert set(found.asked.values()) == {147}


def test_the_rate_over_time_adds_up_to_all_tokens(found: Gathered) -> None:
    for engine, flow in found.flows.items():
        ends = np.isfinite(flow.mean)
        assert (flow.least[ends] <= flow.mean[ends]).all()
        assert (flow.mean[ends] <= flow.most[ends]).all()
        # 40 tokens a request. The mean is of the rounds that last so long, so its sum is a little more than a round's.
        of_a_round = found.counts[engine].succeeded * 40 / 8
        assert float(np.nansum(flow.mean)) * flow.bin_s == pytest.approx(of_a_round, rel=0.05)


@pytest.mark.parametrize("cut", [1, 7, 500])
def test_it_does_not_matter_how_the_requests_are_cut(found: Gathered, cut: int) -> None:
    table = requests()
    parts = [table.slice(begin, cut) for begin in range(0, min(len(table), cut * 40), cut)]
    whole = gathered(a_run(table=table.slice(0, cut * len(parts))))
    pieces = gathered(a_run(table=ds.dataset(pa.concat_tables(parts))))
    assert pieces.counts == whole.counts
    for key, spread in whole.spreads.items():
        np.testing.assert_array_equal(pieces.spreads[key].quantiles([0, 0.5, 1]), spread.quantiles([0, 0.5, 1]))
    for engine, flow in whole.flows.items():
        np.testing.assert_allclose(pieces.flows[engine].mean, flow.mean)


def test_gaps_by_token_need_an_engine_that_tells_all_tokens(found: Gathered) -> None:
    assert found.spreads["vllm", "itl"].count == found.spreads["vllm", "icl"].count
    table = requests(rounds=2)
    place = table.schema.get_field_index("chunk_tokens")
    tokens = table.column("chunk_tokens").to_pylist()
    last = max(index for index, name in enumerate(table.column("engine").to_pylist()) if name == "vllm")
    tokens[last] = None
    silent = table.set_column(place, table.schema.field(place), pa.array(tokens, table.schema.field(place).type))
    spreads = gathered(a_run(table=silent, rounds=round_rows(rounds=2))).spreads
    assert ("vllm", "itl") not in spreads
    assert spreads["vllm", "icl"].count
    assert spreads["friendli", "itl"].count


def test_a_void_round_is_in_the_counts_and_in_nothing_else(found: Gathered) -> None:
    rows = [row | ({"void": "died", "value": None} if row["round"] == 2 else {}) for row in round_rows()]
    without = gathered(a_run(rounds=rows))
    assert without.counts == found.counts
    kept = [row for row in requests().to_pylist() if row["round"] != 2]
    good = [row for row in kept if row["engine"] == "vllm" and row["error"] is None and not row["warm_up"]]
    assert without.spreads["vllm", "ttft"].count == len(good)


def test_only_gateways_have_phases() -> None:
    both = {"direct": Speed(), "gateway": Speed(gateway=True)}
    found = gathered(a_run(table=requests(speeds=both, rounds=2), rounds=round_rows(list(both), 2)))
    assert found.spreads["direct", "prompt_summary"].count == 0
    assert found.spreads["gateway", "accepted"].quantiles([0.5])[0] == pytest.approx(0.002, rel=1e-3)


def test_a_run_of_nothing_gathers_nothing() -> None:
    empty = gathered(a_run(table=requests().slice(0, 0), rounds=[]))
    assert all(counts.planned == 0 for counts in empty.counts.values())
    assert not empty.flows


def test_the_run_is_that_of_the_manifest(run: Inputs) -> None:
    assert run.engines == ("vllm", "friendli")
    assert run.facts.simulated == ("vllm", "friendli")
