"""Reloads as metrics: counted by result, with the time of the last of each."""

from triphase_server.telemetry.metrics import Registry
from triphase_server.telemetry.reloads import ReloadMetrics, ReloadResult, not_counted

COUNT, AT = "triphase_config_reloads_total", "triphase_config_last_reload_timestamp_seconds"


def test_results_and_their_times() -> None:
    times = iter((100.0, 200.0, 300.0))
    registry = Registry()

    def value(name: str, result: ReloadResult) -> float | None:
        return registry.collector.get_sample_value(name, {"result": result.value})

    metrics = ReloadMetrics(registry.series, unix_time=lambda: next(times))
    assert [value(COUNT, result) for result in ReloadResult] == [0, 0, 0]
    assert [value(AT, result) for result in ReloadResult] == [100, None, None]
    metrics.reloaded(ReloadResult.REFUSED)
    metrics.reloaded(ReloadResult.APPLIED)
    assert [value(COUNT, result) for result in ReloadResult] == [1, 0, 1]
    assert [value(AT, result) for result in ReloadResult] == [300, None, 200]


def test_where_metrics_are_off_nothing_happens() -> None:
    not_counted(ReloadResult.APPLIED)
