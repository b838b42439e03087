from pathlib import Path

import pytest
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.workload.naming import workload_of


@pytest.mark.parametrize("name", ["chat", "rag-long", "reasoning", "code", "synthetic"])
def test_a_set_is_known_by_its_name(name: str) -> None:
    workload = workload_of(name)
    assert (workload.name, workload.size) == (name, None)


def test_estimated_lengths_are_told_where_they_were_asked_for() -> None:
    told = ("numbers of tokens are estimates from words, since no --tokenizer was given",)
    assert workload_of("chat").notes == ()
    assert workload_of("chat", shared_prefix="100").notes == told
    assert workload_of("synthetic", shared_prefix="100").notes == told
    assert workload_of("chat,input=100").notes == told
    assert workload_of("chat,input=100", shared_prefix="100", tokenizer="reference").notes == ()


def test_a_file_may_have_commas_in_its_name(tmp_path: Path) -> None:
    file = tmp_path / "a,b.jsonl"
    file.write_text('{"prompt": "Why?"}')
    assert workload_of(f"{file},output=5").name == "a,b.jsonl"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it takes chat, rag-long, reasoning, code, synthetic or a file"),
        ("poetry", "it takes chat, rag-long, reasoning, code, synthetic or a file"),
        ("prompts.txt", "it takes chat"),
        ("chat,colour=red", "'colour' is no option: it takes input, output, repeat, turns"),
        ("chat,input=many", "input 'many' is no number of tokens"),
        ("chat,output=zipf:3", "output 'zipf:3' is no number of tokens"),
        ("chat,repeat=perhaps", "repeat 'perhaps' is not known: it takes no, tag, yes"),
        ("missing.jsonl", "missing.jsonl cannot be read"),
        ("missing.csv", "missing.csv cannot be read"),
        ("missing.parquet", "missing.parquet cannot be read"),
        ("missing.json,input=5", "without input="),
    ],
)
def test_what_is_no_workload_is_told(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told) as raised:
        workload_of(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["", "0", "many", "100,share=2", "100,share=0", "100,groups=0", "100,colour=red", "100,share"]
)
def test_what_is_no_shared_prefix_is_told(text: str) -> None:
    with pytest.raises(BadInput, match=r"--shared-prefix .* it takes 2000 or 2000,share=0.8,groups=4"):
        workload_of("chat", shared_prefix=text)
