"""What a run put on its client, and by which calibration it is judged."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from triphase_benchmark.client.calibration import Calibration, ClientLoad
from triphase_benchmark.metrics.tables import ROUNDS
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.report.progress import EngineProgress
from triphase_benchmark.run.client_health import Brought, HealthSoFar, as_json, beyond, brought_by, worst

LOAD = ClientLoad(streams=8, events_per_s=100.0)
GOOD = Calibration(
    load=LOAD, workers=1, events=1600, achieved=800.0, lag_p50=1e-4, lag_p99=2e-4, lag_max=1e-3, cpu_share=0.2, errors=0
)
SLOW = replace(GOOD, lag_p99=0.02)


def rounds(value: float) -> pa.Table:
    row = {"round": 0, "engine": "a", "metric": "icl", "statistic": "p50", "value": value, "n": 99}
    return pa.Table.from_pylist([row], ROUNDS)


def request(number: int, *, round_: int, begin_s: float, end_s: float, chunks: int) -> dict[str, Any]:
    known: dict[str, Any] = {field.name: 0 for field in REQUESTS if not field.nullable}
    known |= {"round": round_, "engine": "a", "host": "h", "prompt": "p", "warm_up": False, "request": number}
    return known | {
        "sent": int(begin_s * 1e9),
        "ended": int(end_s * 1e9),
        "chunk_times": [0] * chunks,
        "chunk_output": [True] * chunks,
    }


def test_the_most_of_any_leg_counts() -> None:
    rows = [
        request(0, round_=0, begin_s=0, end_s=2, chunks=10),
        request(1, round_=0, begin_s=1, end_s=2, chunks=10),
        request(2, round_=0, begin_s=2, end_s=4, chunks=20),  # begins when the others end: never three at once
        request(0, round_=1, begin_s=10, end_s=11, chunks=30),
    ]
    assert brought_by(pa.Table.from_pylist(rows, REQUESTS)) == Brought(streams=2, events_per_s=30.0)
    assert brought_by(REQUESTS.empty_table()) == Brought(streams=0, events_per_s=0.0)


def test_it_is_calibrated_again_for_what_was_more() -> None:
    assert beyond(Brought(streams=8, events_per_s=800), LOAD) is None
    assert beyond(Brought(streams=8, events_per_s=1600), LOAD) == replace(LOAD, events_per_s=200.0)
    assert beyond(Brought(streams=20, events_per_s=800), LOAD) == replace(LOAD, streams=20, events_per_s=40.0)


@pytest.mark.parametrize(("calibrations", "ok"), [([GOOD], True), ([SLOW, GOOD], False), ([GOOD, SLOW], False)])
def test_every_calibration_must_be_good(calibrations: list[Calibration], ok: bool) -> None:
    decisive, judged = worst(calibrations, rounds(0.01), brought=Brought(streams=8, events_per_s=800), cpu_share=0.1)
    assert judged.client_ok is ok
    assert decisive is (GOOD if ok else SLOW)
    told = as_json(decisive, judged)
    assert told["client_ok"] is ok
    assert bool(told["why"]) is not ok


def test_an_earlier_calibration_need_not_have_foreseen_the_load() -> None:
    more = replace(GOOD, load=replace(LOAD, events_per_s=400.0), achieved=3200.0)
    _, judged = worst([GOOD, more], rounds(0.01), brought=Brought(streams=8, events_per_s=3000), cpu_share=0.1)
    assert judged.client_ok
    _, alone = worst([GOOD], rounds(0.01), brought=Brought(streams=8, events_per_s=3000), cpu_share=0.1)
    assert not alone.client_ok


def test_each_transport_is_held_against_the_engines_that_are_asked_by_it() -> None:
    row = {"round": 0, "metric": "icl", "statistic": "p50", "n": 99}
    table = pa.Table.from_pylist([row | {"engine": "a", "value": 0.01}, row | {"engine": "g", "value": 0.05}], ROUNDS)
    grpc = replace(GOOD, lag_p99=0.002, gateway=True)  # 20 % of the engine's gaps, and 4 % of the gateway's
    known: dict[str, Any] = {"brought": Brought(streams=8, events_per_s=800), "cpu_share": 0.1}
    assert worst([GOOD, grpc], table, gateways=frozenset({"g"}), **known)[1].client_ok
    decisive, judged = worst([GOOD, replace(grpc, lag_p99=0.003)], table, gateways=frozenset({"g"}), **known)
    assert decisive.gateway
    assert judged.reasons == ("p99 of the client's lag over gRPC (3.00 ms) is 6.0% of the median icl, more than 5.0%",)
    assert not worst([replace(grpc, gateway=False), GOOD], table, gateways=frozenset({"g"}), **known)[1].client_ok


def test_while_it_runs_each_transport_is_held_against_its_own_engines() -> None:
    direct = EngineProgress(name="a", done=9, failed=0, in_flight=0, ttft_s=0.1, itl_s=0.01)
    through = replace(direct, name="g", itl_s=0.05)
    grpc = replace(GOOD, lag_p99=0.002, gateway=True)
    health = HealthSoFar(calibrations=[GOOD, grpc], gateways=frozenset({"g"}))
    assert health.ok((), cpu_share=0.0) is None
    assert health.ok((replace(direct, ttft_s=None, itl_s=None),), cpu_share=0.1) is None
    assert health.ok((direct, through), cpu_share=0.1) is True
    assert health.ok((direct, replace(through, itl_s=0.01)), cpu_share=0.1) is False
    assert health.lag_s == 0.002
