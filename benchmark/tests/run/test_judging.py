"""The self-test can fail: what differs from the truth is seen, however small where nothing may differ."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from run_fakes.tables import MS, calibrated, measured, truth
from triphase_benchmark.records.schema import REQUESTS
from triphase_benchmark.records.truth import TRUTH
from triphase_benchmark.run.selftest.cases import COMPARED, QUEUES, STARVED, CountedCase, QueueCase
from triphase_benchmark.run.selftest.judging import (
    check_compared,
    check_counts,
    check_starved,
    check_succeeded,
    check_times,
    check_waits,
    lateness,
)
from triphase_benchmark.run.selftest.trying import at_random
from triphase_model.engine.simulated.serving.jobs import Job
from triphase_model.engine.simulated.serving.machines import machine_of
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.profiles import settings_of
from triphase_model.engine.simulated.serving.virtual import played

CASE = CountedCase(name="case", like="vllm", asked_by="vllm", settings=(), requests=1)


def test_what_is_equal_holds() -> None:
    checks = [*check_counts(CASE, measured(), truth()), *check_times("case", measured(), truth())]
    assert len(checks) == 12
    assert all(check.holds for check in checks)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"output_tokens": 4}, "output tokens"),
        ({"input_tokens": 6}, "input tokens"),
        ({"reasoning_tokens": 2}, "tokens of thoughts"),
        ({"chunk_tokens": [2, 1, 1]}, "tokens of each chunk"),
        ({"chunk_output": [True, True, True]}, "chunks of output"),
        ({"prompt": "other"}, "requests that the engine had"),
    ],
)
def test_a_count_may_not_be_off_at_all(changes: dict[str, Any], what: str) -> None:
    checks = check_counts(CASE, measured(**changes), truth())
    assert what in [check.what for check in checks if not check.holds]


def test_a_failure_of_another_kind_is_seen() -> None:
    checks = check_counts(CASE, measured(error="reset"), truth())
    assert "failures by kind" in [check.what for check in checks if not check.holds]


@pytest.mark.parametrize(("late_ns", "holds"), [(MS * 4 // 10, True), (MS, False)])
def test_a_time_may_be_off_by_half_a_millisecond(late_ns: int, holds: bool) -> None:
    late = measured(chunk_times=[50 * MS + late_ns, 70 * MS + late_ns, 90 * MS + late_ns])
    checks = {check.what: check.holds for check in check_times("case", late, truth())}
    assert checks["TTFT p50"] is holds
    assert checks["ITL p50"] is True


def test_a_request_that_failed_is_a_failed_check_and_has_no_time() -> None:
    failed = measured(error="connect", sent=None, chunk_times=[])
    assert check_succeeded("case", failed).holds is False
    assert check_times("case", failed, truth()) == []
    both = pa.concat_tables([measured(), measured(request=1, error="timeout", chunk_times=[])])
    assert check_succeeded("case", both).measured == "timeout"
    assert len(check_times("case", both, truth())) == 4


def waits(case: QueueCase, *, busier: float = 1.0) -> tuple[pa.Table, pa.Table]:
    """A case's own requests in virtual time, as a client that is never late would measure them, and as they were."""
    given = ["timing.kind=queue", f"timing.service_s={case.service_s * busier}", f"timing.service={case.service}"]
    settings = settings_of("vllm", given=given, seed=case.seed)
    machine = machine_of(settings, cache=PrefixCache(settings.cache), start_ns=0)
    jobs = [
        (request.scheduled_ns or 0, Job(key=request.prompt.id, prompt_tokens=1, chunks=(1, 1)))
        for request in at_random(case)
    ]
    ours, theirs = [], []
    for number, course in enumerate(played(machine, jobs)):
        sent, chunks, name = course.run.submitted_ns, list(course.chunks_ns), f"self-{number}"
        ours += measured(request=number, prompt=name, sent=sent, chunk_times=chunks).to_pylist()
        theirs += truth(request=name, received=sent, chunk_due=chunks, chunk_sent=chunks).to_pylist()
    return pa.Table.from_pylist(ours, REQUESTS), pa.Table.from_pylist(theirs, TRUTH)


@pytest.mark.parametrize("case", QUEUES, ids=lambda case: case.name)
def test_queues_of_the_self_test_agree_with_theory_and_busier_ones_do_not(case: QueueCase) -> None:
    assert [check.holds for check in check_waits(case, *waits(case))] == [True] * 4
    assert [check.holds for check in check_waits(case, *waits(case, busier=1.5))] == [False, False, True, True]


def test_a_client_that_adds_to_the_waits_is_seen() -> None:
    ours, theirs = waits(QUEUES[0])
    late = pa.Table.from_pylist(
        [row | {"chunk_times": [at + MS for at in row["chunk_times"]]} for row in ours.to_pylist()], REQUESTS
    )
    assert [check.holds for check in check_waits(QUEUES[0], late, theirs)] == [True, True, False, False]


def test_how_late_the_engine_was_is_told_by_its_log() -> None:
    assert lateness(truth()) == 0
    assert lateness(truth(chunk_due=[50 * MS, 70 * MS, 88 * MS])) == pytest.approx(0.002)
    assert lateness(truth(chunk_due=[], chunk_sent=[])) == 0


def test_verdicts_on_equal_engines_are_judged_by_what_chance_allows() -> None:
    equal, slower = COMPARED
    assert [check.holds for check in check_compared(equal, told=19, held=380)] == [True, True]
    assert [check.holds for check in check_compared(equal, told=60, held=380)] == [False, True]
    assert [check.holds for check in check_compared(equal, told=0, held=340)] == [False, False]
    assert [check.holds for check in check_compared(slower, told=400, held=340)] == [False]


def test_a_starved_client_that_calls_itself_ok_is_a_failed_check() -> None:
    (case,) = STARVED
    quiet = calibrated(case.load, workers=1)
    assert check_starved(case, quiet).holds is False
    starved = check_starved(case, replace(quiet, lag_p99=0.04))
    assert (starved.holds, starved.measured) == (True, "not ok")
    assert "200.0% of the median itl" in starved.off
    assert check_starved(case, None).holds is None
