from pathlib import Path

import pytest
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.trace_file import TraceEntry, read_trace

MOONCAKE = """{"timestamp": 27482, "input_length": 600, "output_length": 52, "hash_ids": [46, 47]}
{"timestamp": 27000.5, "input_length": 512, "output_length": 26, "hash_ids": [46]}

{"timestamp": 30535, "input_length": 9, "output_length": 0}
"""
AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
"""


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_mooncake_lines_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    assert read_trace(written(tmp_path, "m.jsonl", MOONCAKE)) == (
        TraceEntry(time_ns=0, input_tokens=512, output_tokens=26, blocks=(46,)),
        TraceEntry(time_ns=481_500_000, input_tokens=600, output_tokens=52, blocks=(46, 47)),
        TraceEntry(time_ns=3_534_500_000, input_tokens=9, output_tokens=0),
    )


def test_azure_rows_are_read_to_their_last_digit(tmp_path: Path) -> None:
    assert read_trace(written(tmp_path, "a.csv", "\ufeff" + AZURE)) == (
        TraceEntry(time_ns=0, input_tokens=374, output_tokens=44),
        TraceEntry(time_ns=4_314_579_000, input_tokens=396, output_tokens=109),
    )


def test_azure_times_may_have_a_zone_or_no_fraction_and_columns_another_order(tmp_path: Path) -> None:
    text = (
        "GeneratedTokens,TIMESTAMP,ContextTokens\n"
        "1,2024-05-10 00:00:00+00:00,2\n"
        "3,2024-05-10 01:00:00.5+01:00,4\n\n"
        "3,2024-05-10T00:00:01Z,4\n"
    )
    times = [entry.time_ns for entry in read_trace(written(tmp_path, "a.csv", text))]
    assert times == [0, 500_000_000, 1_000_000_000]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("m.jsonl", "", "has no requests"),
        ("m.jsonl", MOONCAKE + "{", r"m\.jsonl:5: no line of a trace"),
        ("m.jsonl", '{"timestamp": 1, "input_length": 5}\n', "m.jsonl:1: .*output_length"),
        ("m.jsonl", '{"timestamp": 1, "input_length": -5, "output_length": 1}\n', "m.jsonl:1: an input of -5"),
        ("m.jsonl", MOONCAKE.replace("600", "1025"), "m.jsonl:1: 2 hash_ids do not fit an input of 1025"),
        ("m.jsonl", MOONCAKE.replace("600", "512"), "m.jsonl:1: 2 hash_ids do not fit an input of 512"),
        ("a.csv", "", "a.csv:1: the column TIMESTAMP is missing"),
        ("a.csv", AZURE.replace("ContextTokens", "Context"), "a.csv:1: the column ContextTokens is missing"),
        ("a.csv", AZURE.replace("109", "many"), "a.csv:3: no row of a trace"),
        ("a.csv", AZURE.replace("2023-11-16 18:15:50", "yesterday"), "a.csv:3: no row of a trace"),
        ("a.csv", AZURE + "2023-11-16 18:15:51\n", "a.csv:4: no row of a trace"),
        ("a.txt", AZURE, "is no trace: it takes"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as raised:
        read_trace(written(tmp_path, name, text))
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="is not UTF-8"):
        read_trace(tmp_path / "m.jsonl")
