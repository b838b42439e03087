"""What the report says of an engine whose version nobody told: whether it could have been known."""

import pytest
from report.runs import a_run
from triphase_benchmark.report.facts_tables import facts_tables


@pytest.mark.parametrize(
    ("engine", "version"),
    [
        ({"profile": "vllm", "version": "0.11.2"}, "0.11.2"),
        ({"profile": "vllm"}, "unknown"),
        ({"profile": "friendli-container"}, "unknown, as such engines do not tell it"),
        ({"profile": "generic"}, "unknown, as such engines do not tell it"),
        ({"profile": "vllm", "url": "grpc://127.0.0.1:50051"}, "unknown, as such engines do not tell it"),
        ({}, "unknown"),
    ],
)
def test_an_unknown_version_is_called_so(engine: dict[str, str], version: str) -> None:
    table, _ = facts_tables(a_run(manifest={"engines": [{"name": "a"} | engine]}, rounds=[], comparison=[]))
    (row,) = table.rows
    assert row[table.columns.index("version")].text == version
