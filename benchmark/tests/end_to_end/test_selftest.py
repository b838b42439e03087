"""The small cut of the self-test: counts of two shapes and of every fault, against the engine's own log.

And that streams and queues go through it: what their times are is judged on a quiet machine, by `tox -e selftest`.
"""

from dataclasses import replace

import pytest
from run_fakes.tables import calibrated
from triphase_benchmark.run.selftest.cases import COUNTED, QUEUES, CountedCase, TimedCase
from triphase_benchmark.run.selftest.judging import check_counts
from triphase_benchmark.run.selftest.proving import Course, prove
from triphase_benchmark.run.selftest.trying import try_counted

CUT = [case for case in COUNTED if case.name in {"several tokens a chunk", "split events, CRLF, comments", "faults"}]


@pytest.mark.parametrize("case", CUT, ids=lambda case: case.name)
def test_counts_are_exact(case: CountedCase) -> None:
    tried = try_counted(case)
    checks = check_counts(case, tried.measured, tried.truth)
    assert len(checks) >= 6
    assert [check for check in checks if not check.holds] == []


def test_a_stream_and_a_queue_have_all_their_requests_and_a_verdict_on_each_time() -> None:
    stream, queue = TimedCase(streams=1, waves=3, tokens=6), replace(QUEUES[0], batches=3, each=10)
    course = Course(counted=(), compared=(), starved=(), timed=(stream,), queues=(queue,))
    said: list[str] = []
    checks = list(prove(course, calibrate=calibrated, say=said.append))
    assert said == [stream.name, queue.name]
    assert [(check.case, check.what) for check in checks] == [
        *((stream.name, what) for what in ("requests that succeeded", "TTFT p50", "TTFT p99", "ITL p50", "ITL p99")),
        *((queue.name, what) for what in ("requests that succeeded", "mean wait", "wait p99", "TTFT p50", "TTFT p99")),
    ]
    assert [check.measured for check in checks if check.holds and not check.true] == ["3 of 3 equal", "40 of 40 equal"]
    # However late this machine is: none of it comes before it is due.
    (ttft, _) = (float(check.measured.split()[0]) for check in checks if check.what == "TTFT p50")
    assert ttft >= 50
