"""The small cut of the self-test: counts of two shapes and of every fault, against the engine's own log."""

import pytest
from triphase_benchmark.run.selftest.cases import COUNTED, CountedCase
from triphase_benchmark.run.selftest.judging import check_counts
from triphase_benchmark.run.selftest.trying import try_counted

CUT = [case for case in COUNTED if case.name in {"several tokens a chunk", "split events, CRLF, comments", "faults"}]


@pytest.mark.parametrize("case", CUT, ids=lambda case: case.name)
def test_counts_are_exact(case: CountedCase) -> None:
    tried = try_counted(case)
    checks = check_counts(case, tried.measured, tried.truth)
    assert len(checks) >= 6
    assert [check for check in checks if not check.holds] == []
