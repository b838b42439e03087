"""Prefixes are shared where a user asks for it, exactly as much as asked for, and nowhere else."""

import json
from collections import Counter
from pathlib import Path

import pytest
from triphase_benchmark.plan.load_flag import load_of
from triphase_benchmark.plan.loads import Requests
from triphase_benchmark.plan.making import Wish, make_plan
from triphase_benchmark.plan.ports import Workload
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.reuse import planned_reuse
from triphase_benchmark.plan.values import Plan
from triphase_benchmark.workload.counting import counter_of
from triphase_benchmark.workload.naming import workload_of


def planned(workload: Workload, *, load: str = "closed:2", requests: int = 60, warm_up: int = 10) -> Plan:
    wish = Wish(
        seed=1,
        workload=workload,
        load=load_of(load),
        engines=("a", "b"),
        iterations=2,
        measured=Requests(count=requests),
        warm_up=Requests(count=warm_up),
    )
    return make_plan(wish)


def prefixes(plan: Plan, round_: int) -> Counter[str]:
    return Counter(r.prompt.messages[0].content for r in plan.rounds[round_].requests if len(r.prompt.messages) == 2)


def test_a_shared_prefix_is_as_long_as_asked_for_and_new_in_each_round() -> None:
    plan = planned(workload_of("chat", shared_prefix="700", tokenizer="reference"))
    (first, count), (other, _) = (prefixes(plan, number).most_common()[0] for number in (0, 1))
    assert count == 70
    assert counter_of("reference").count(first) == counter_of("reference").count(other) == 700
    assert first[:30] != other[:30]
    assert all((request.prompt.input_tokens or 0) > 700 for request in plan.rounds[0].requests)


def test_only_a_share_of_the_conversations_has_one_of_the_prefixes() -> None:
    plan = planned(workload_of("chat", shared_prefix="100,share=0.5,groups=3"), requests=490)
    counts = prefixes(plan, 0)
    assert len(counts) == 3
    assert 200 < sum(counts.values()) < 300
    assert min(counts.values()) > 50


def test_the_reuse_that_is_planned_is_the_one_asked_for() -> None:
    half = planned(workload_of("synthetic,input=300", shared_prefix="300"))
    assert planned_reuse(half) == pytest.approx(0.5, abs=0.06)
    assert planned_reuse(planned(workload_of("synthetic,input=300"))) == 0


def test_turns_reuse_what_was_said_before() -> None:
    assert planned_reuse(planned(workload_of("synthetic,input=300,turns=2"))) > 0.25


MOONCAKE = [
    {"timestamp": 0, "input_length": 1000, "output_length": 5, "hash_ids": [1, 2]},
    {"timestamp": 100, "input_length": 1300, "output_length": 6, "hash_ids": [1, 2, 3]},
    {"timestamp": 200, "input_length": 1024, "output_length": 0, "hash_ids": [1, 2]},
    {"timestamp": 900, "input_length": 600, "output_length": 8, "hash_ids": [4, 5]},
    {"timestamp": 950, "input_length": 7, "output_length": 8},
]


def trace(folder: Path) -> Path:
    file = folder / "trace.jsonl"
    file.write_text("\n".join(map(json.dumps, MOONCAKE)))
    return file


@pytest.mark.parametrize("tokenizer", ["reference", None])
def test_a_trace_is_replayed_with_its_times_lengths_and_shared_blocks(tmp_path: Path, tokenizer: str | None) -> None:
    file = trace(tmp_path)
    plan = planned(workload_of(str(file), tokenizer=tokenizer), load=f"trace:{file},2", requests=5, warm_up=0)
    requests = plan.rounds[0].requests
    assert [request.scheduled_ns for request in requests] == [0, 50_000_000, 100_000_000, 450_000_000, 475_000_000]
    assert [request.prompt.output_tokens for request in requests] == [5, 6, 1, 8, 8]
    counter = counter_of(tokenizer)
    counts = [counter.count(request.prompt.messages[0].content) for request in requests]
    wanted = [1000, 1300, 1024, 600, 7]
    if tokenizer:
        assert counts == wanted == [request.prompt.input_tokens for request in requests]
    assert all(abs(count - want) <= 1 for count, want in zip(counts, wanted, strict=True))
    one, two, three, four, _ = (request.prompt.messages[0].content for request in requests)
    assert two.startswith(one[:-20])
    assert two.startswith(three[:-20])
    assert four[:30] != one[:30]
    again = [request.prompt.messages[0].content for request in plan.rounds[1].requests]
    assert not {text[:30] for text in again[:4]} & {one[:30], four[:30]}


def test_a_trace_lends_its_lengths_to_any_load_and_begins_again_with_other_texts(tmp_path: Path) -> None:
    plan = planned(workload_of(str(trace(tmp_path))), load="poisson:9", requests=9, warm_up=1)
    requests = plan.rounds[0].requests
    assert [request.prompt.output_tokens for request in requests] == [5, 6, 1, 8, 8] * 2
    assert len({request.prompt.messages[0].content for request in requests}) == 10


def test_azure_lengths_are_replayed(tmp_path: Path) -> None:
    file = tmp_path / "azure.csv"
    file.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,44\n2023-11-16 18:15:47,396,9\n"
    )
    plan = planned(workload_of(str(file), tokenizer="reference"), load=f"trace:{file}", requests=2, warm_up=0)
    made = [(request.prompt.input_tokens, request.prompt.output_tokens) for request in plan.rounds[0].requests]
    assert made == [(374, 44), (396, 9)]
    assert planned_reuse(plan) == 0


def test_a_hash_id_below_zero_is_told(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text('{"timestamp": 0, "input_length": 10, "output_length": 5, "hash_ids": [-1]}')
    with pytest.raises(BadInput, match="-1 is no hash id"):
        planned(workload_of(str(file)), load=f"trace:{file}", requests=1, warm_up=0)
