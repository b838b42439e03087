"""Tables of several rounds and engines."""

import numpy as np
import pyarrow as pa
import pytest
from metrics.request_tables import request_table
from triphase_benchmark.metrics.catalog import FLOORS, METRICS
from triphase_benchmark.metrics.requests import COLUMNS
from triphase_benchmark.metrics.rounds import errors_of, rounds_of
from triphase_benchmark.metrics.tables import ROUNDS
from triphase_benchmark.plan.values import Load
from triphase_benchmark.records.error_kinds import ErrorKind
from triphase_benchmark.records.schema import REQUESTS

_S = 1_000_000_000


def answers(number: int, engine: str, latency_s: float, count: int = 12) -> list[dict[str, object]]:
    took = int(latency_s * _S)
    return [
        {"round": number, "engine": engine, "sent": i * took, "ended": (i + 1) * took, "output_tokens": 2}
        | {"chunk_times": [i * took + took // 4, (i + 1) * took], "input_tokens": 5}
        for i in range(count)
    ]


def values(table: pa.Table, metric: str, statistic: str) -> dict[tuple[int, str], float | None]:
    rows = [row for row in table.to_pylist() if (row["metric"], row["statistic"]) == (metric, statistic)]
    return {(row["round"], row["engine"]): row["value"] for row in rows}


def test_each_round_of_each_engine_is_by_itself() -> None:
    requests = [
        *answers(1, "b", 4.0),
        *answers(0, "a", 1.0),
        *answers(1, "a", 2.0),
        *answers(0, "b", 3.0),
    ]
    expected = {(0, "a"): 1.0, (0, "b"): 3.0, (1, "a"): 2.0, (1, "b"): 4.0}
    mixed = [requests[place] for place in np.random.default_rng(1).permutation(len(requests))]
    for table in (request_table(requests), request_table(mixed)):
        rounds = rounds_of(table, load=Load.CLOSED)
        assert rounds.schema == ROUNDS
        assert values(rounds, "e2e", "p50") == expected
        assert values(rounds, "ttft", "p50") == {key: value / 4 for key, value in expected.items()}


def test_the_order_of_rows_changes_nothing() -> None:
    requests = [*answers(0, "a", 1.0), *answers(0, "b", 3.0), *answers(1, "a", 2.0, count=40)]
    mixed = [requests[place] for place in np.random.default_rng(2).permutation(len(requests))]
    straight, again = (rounds_of(request_table(rows), load=Load.CLOSED) for rows in (requests, mixed))
    assert straight.equals(again)


def test_pieces_of_a_table_are_one_table() -> None:
    table = request_table([*answers(0, "a", 1.0), *answers(0, "b", 3.0)])
    pieces = pa.concat_tables([table.slice(0, 5), table.slice(5, 0), table.slice(5, 12), table.slice(17)])
    assert rounds_of(pieces, load=Load.CLOSED).equals(rounds_of(table, load=Load.CLOSED))


def test_no_requests_are_no_rounds() -> None:
    empty = REQUESTS.empty_table()
    assert rounds_of(empty, load=Load.OPEN).num_rows == 0
    assert errors_of(empty).num_rows == 0


def test_every_round_has_a_row_for_every_metric_and_statistic() -> None:
    rounds = rounds_of(request_table(answers(0, "a", 1.0)), load=Load.CLOSED).to_pylist()
    told = [(row["metric"], row["statistic"]) for row in rounds]
    assert told == [(metric.name, statistic) for metric in METRICS.values() for statistic in metric.statistics]


@pytest.mark.parametrize("statistic", FLOORS)
def test_a_percentile_is_told_from_its_floor_on(statistic: str) -> None:
    for count, told in ((FLOORS[statistic] - 1, False), (FLOORS[statistic], True)):
        rounds = rounds_of(request_table(answers(0, "a", 1.0, count=count)), load=Load.CLOSED)
        assert (values(rounds, "ttft", statistic)[0, "a"] is not None) == told


def test_errors_are_told_by_kind() -> None:
    failed = [
        {"round": 0, "engine": "a", "sent": 0, "ended": 1, "error": kind} for kind in ("reset", "reset", "status")
    ]
    warm_up = [{"round": 0, "engine": "a", "sent": 0, "ended": 1, "error": "timeout", "warm_up": True}]
    table = errors_of(request_table([*answers(0, "a", 1.0, count=5), *failed, *warm_up, *answers(0, "b", 1.0)]))
    assert table.to_pylist() == [
        {"round": 0, "engine": "a", "kind": "reset", "count": 2, "share": 0.25},
        {"round": 0, "engine": "a", "kind": "status", "count": 1, "share": 0.125},
    ]


@pytest.mark.parametrize("slos", [{"throughput": 1.0}, {"ttft": 0.0}, {"ttft": float("nan")}, {"icl": 0.1}])
def test_an_objective_that_makes_no_sense_is_refused(slos: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(slos))):
        rounds_of(REQUESTS.empty_table(), load=Load.OPEN, slos=slos)


def test_what_is_read_are_columns_of_requests() -> None:
    assert set(COLUMNS) < set(REQUESTS.names)
    assert str(ErrorKind.UNSENT) == "unsent"  # as `requests.py` has it, which knows no records


def test_user_speed_is_the_inverse_of_tpot() -> None:
    rounds = rounds_of(request_table(answers(0, "a", 1.0)), load=Load.CLOSED)
    assert values(rounds, "user_speed", "p50") == {(0, "a"): 1 / 0.75}


def test_throughput_is_what_a_closed_loop_gives_by_littles_law() -> None:
    lanes = [row for lane in range(4) for row in answers(0, "a", 0.5, count=50)]
    rounds = rounds_of(request_table(lanes), load=Load.CLOSED)
    assert values(rounds, "request_throughput", "rate") == {(0, "a"): 4 / 0.5}
    assert values(rounds, "output_throughput", "rate") == {(0, "a"): 2 * 4 / 0.5}
