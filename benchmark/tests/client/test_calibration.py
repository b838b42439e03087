"""The verdict on the client, from recorded lags; and that lags come from the clock of the engine."""

import math
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from triphase_benchmark.client.calibration import (
    Calibration,
    ClientLoad,
    calibrate,
    ceiling,
    climb,
    judge_client,
    null_target,
    summarize,
)
from triphase_benchmark.client.crew import LegEnd
from triphase_benchmark.client.lags import LAGS
from triphase_benchmark.client.null_engine import NullEngine

LOAD = ClientLoad(streams=50, events_per_s=100)
END = LegEnd(begin_ns=0, cpu_share=0.2)
QUIET = Calibration(
    load=LOAD,
    workers=1,
    events=15_000,
    achieved=4990.0,
    lag_p50=0.0001,
    lag_p99=0.0008,
    lag_max=0.004,
    cpu_share=0.2,
    errors=0,
)


def verdict(calibration: Calibration = QUIET, **more: Any) -> Any:
    known: dict[str, Any] = {"medians": {"ttft": 0.1, "itl": 0.02}, "events_per_s": 4000.0, "cpu_share": 0.3}
    return judge_client(calibration, **{**known, **more})


def test_a_client_that_is_hardly_late_is_trusted() -> None:
    found = verdict()
    assert found.client_ok
    assert found.reasons == ()
    assert found.shares == pytest.approx({"ttft": 0.008, "itl": 0.04})
    assert found.most_share == 0.05


@pytest.mark.parametrize(
    ("calibration", "more", "reason"),
    [
        (replace(QUIET, lag_p99=0.0011), {}, "5.5% of the median itl, more than 5.0%"),
        (QUIET, {"most_share": 0.01}, "4.0% of the median itl, more than 1.0%"),
        (QUIET, {"medians": {"tpot": 0.004}}, "20.0% of the median tpot"),
        (replace(QUIET, achieved=4000.0), {}, "of 5000 events/s that it was sent, the client took 4000"),
        (QUIET, {"events_per_s": 9000.0}, "the run brought 9000 events/s"),
        (QUIET, {"cpu_share": 0.95}, "95% of a core"),
        (replace(QUIET, cpu_share=0.99), {}, "99% of a core"),
        (replace(QUIET, errors=3), {}, "3 errors"),
        (replace(QUIET, events=0, lag_p99=math.nan), {}, "0 events"),
    ],
)
def test_each_reason_for_distrust_is_told(calibration: Calibration, more: dict[str, Any], reason: str) -> None:
    found = verdict(calibration, **more)
    assert not found.client_ok
    assert any(reason in told for told in found.reasons)


def test_a_metric_without_a_median_is_not_judged() -> None:
    found = verdict(medians={"ttft": None, "itl": 0.05})
    assert found.client_ok
    assert set(found.shares) == {"itl"}


def table(*rows: tuple[list[int], list[int], bool, str | None]) -> pa.Table:
    made = [
        {"worker": 0, "times": times, "lags": lags, "warm_up": warm_up, "error": error}
        for times, lags, warm_up, error in rows
    ]
    return pa.Table.from_pylist(made, schema=LAGS)


def test_recorded_lags_become_figures() -> None:
    second = 1_000_000_000
    lags = [n * 1000 for n in range(1, 101)]
    times = [n * second // 99 for n in range(100)]
    found = summarize(table((times, lags, False, None), ([5], [second], True, None)), load=LOAD, end=END, workers=2)
    assert (found.events, found.errors, found.cpu_share) == (100, 0, 0.2)
    assert (found.lag_p50, found.lag_p99, found.lag_max) == pytest.approx((50e-6, 99e-6, 100e-6))
    assert found.achieved == pytest.approx(100)
    assert found.per_core == pytest.approx(50)


def test_recorded_lags_of_a_starved_client_are_no_good() -> None:
    second = 1_000_000_000
    lags = [100_000] * 95 + [40_000_000] * 5
    found = summarize(
        table(([n * second // 99 for n in range(100)], lags, False, None)),
        load=replace(LOAD, streams=1),
        end=END,
        workers=1,
    )
    assert not verdict(found).client_ok


def test_a_calibration_in_which_all_failed_has_no_figures() -> None:
    found = summarize(table(([], [], False, "connect")), load=LOAD, end=END, workers=1)
    assert (found.events, found.errors, math.isnan(found.lag_p99)) == (0, 1, True)
    assert not verdict(found).client_ok


def test_lags_are_counted_from_the_moment_of_sending() -> None:
    loads = [ClientLoad(streams=4, events_per_s=100, duration_s=0.2, in_step=in_step) for in_step in (True, False)]
    with NullEngine() as null:
        found = climb(loads, workers=2, engine=null_target(null))
    assert 1 <= len(found) <= 2
    for one in found:
        assert (one.events, one.errors, one.workers) == (80, 0, 2)
        assert 0 < one.lag_p50 <= one.lag_p99 <= one.lag_max


def test_the_ceiling_is_the_most_that_arrived_in_time() -> None:
    found = [QUIET, replace(QUIET, achieved=9000.0), replace(QUIET, achieved=20_000.0, lag_p99=0.011)]
    assert ceiling(found) == 9000
    assert ceiling([replace(QUIET, errors=1)]) == 0
    assert ceiling([replace(QUIET, lag_p99=math.nan)]) == 0


def test_the_transport_of_gateways_has_a_null_engine_of_its_own() -> None:
    found = calibrate(ClientLoad(streams=4, events_per_s=50, duration_s=0.5), workers=2, gateway=True)
    assert found.gateway
    assert (found.workers, found.events, found.errors) == (2, 4 * 25, 0)
    assert 0 < found.lag_p50 <= found.lag_p99 <= found.lag_max
