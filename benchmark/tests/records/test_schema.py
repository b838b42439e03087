from triphase_benchmark.records.schema import REQUESTS


def test_times_are_whole_nanoseconds() -> None:
    times = ["scheduled", "sent", "responded", "ended", "accepted", "prompt_summary", "reasoning_summary"]
    assert {str(REQUESTS.field(name).type) for name in times} == {"int64"}
    assert str(REQUESTS.field("chunk_times").type.value_type) == "int64"


def test_only_what_is_always_known_may_not_be_null() -> None:
    known = {field.name for field in REQUESTS if not field.nullable}
    assert {"round", "engine", "scheduled", "chunk_times"} <= known
    assert not known & {"sent", "output_tokens", "error", "status"}
