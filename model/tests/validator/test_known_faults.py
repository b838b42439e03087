"""The ninety measured faults: each is told by its rule, is healthy and not told, or says why nothing static sees it."""

import pytest
from repositories.clean import repository
from repositories.editing import Change, checked, weighty
from repositories.known import KNOWN, NUMBERS


@pytest.mark.parametrize(
    ("number", "name", "rule", "changes"), KNOWN, ids=[f"{n:02} {name}" for n, name, _, _ in KNOWN]
)
def test_a_measured_fault(number: int, name: str, rule: str | None, changes: tuple[Change, ...]) -> None:
    files = repository("qwen3")
    for change in changes:
        change(files)
    assert number == 0 or files != repository("qwen3")
    result = checked(files)
    assert result.unanswered == ()
    if rule in (None, NUMBERS):
        assert weighty(result) == set()
    else:
        assert rule in {finding.rule for finding in result.findings}


def test_no_number_is_left_out() -> None:
    assert [number for number, *_ in KNOWN] == list(range(91))
