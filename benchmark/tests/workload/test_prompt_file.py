import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from triphase_benchmark.plan.load_flag import load_of
from triphase_benchmark.plan.loads import Requests
from triphase_benchmark.plan.making import Wish, make_plan
from triphase_benchmark.plan.ports import Place
from triphase_benchmark.plan.problems import BadInput
from triphase_benchmark.plan.reuse import planned_reuse
from triphase_benchmark.plan.values import Message, Plan, Prompt
from triphase_benchmark.workload.naming import workload_of

SHARED = [
    {"from": "system", "value": "Be brief."},
    {"from": "human", "value": "What is a lock?"},
    {"from": "gpt", "value": "It lifts boats."},
    {"from": "human", "value": "And a weir?"},
    {"from": "gpt", "value": "It holds water back."},
]


def lines(folder: Path, *values: object, name: str = "prompts.jsonl") -> Path:
    file = folder / name
    file.write_text("\n".join(value if isinstance(value, str) else json.dumps(value) for value in values))
    return file


def only(file: Path, options: str = "", **given: str) -> tuple[Prompt, ...]:
    return workload_of(f"{file}{options}", **given).conversation(1, Place(round=0, number=0, serial=0))


def planned(file: Path, options: str = "", *, requests: int) -> Plan:
    wish = Wish(
        seed=1,
        workload=workload_of(f"{file}{options}"),
        load=load_of("closed:2"),
        engines=("a", "b"),
        iterations=2,
        measured=Requests(count=requests),
        warm_up=Requests(count=1),
    )
    return make_plan(wish)


def texts(plan: Plan) -> list[str]:
    return [request.prompt.messages[0].content for round_ in plan.rounds for request in round_.requests]


def test_a_prompt_is_asked_as_it_stands(tmp_path: Path) -> None:
    row = {"prompt": "Why?", "output_tokens": 7, "extra_body": {"temperature": 0}, "id": "mine"}
    assert only(lines(tmp_path, row)) == (
        Prompt(
            id="line-1",
            messages=(Message(role="user", content="Why?"),),
            output_tokens=7,
            extra_body={"temperature": 0},
        ),
    )


def test_messages_are_sent_as_they_are(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    (prompt,) = only(lines(tmp_path, {"messages": messages}), tokenizer="reference")
    assert [(message.role, message.content) for message in prompt.messages] == [
        ("system", "Be brief."),
        ("user", "Why?"),
    ]
    assert (prompt.input_tokens or 0) > 4
    assert prompt.output_tokens is None


def test_turns_are_asked_after_the_prompt_if_the_user_wants_them(tmp_path: Path) -> None:
    file = lines(tmp_path, {"prompt": "Why?", "turns": ["And then?", "Really?"]})
    assert len(only(file)) == 1
    asked = [prompt.messages[0].content for prompt in only(file, ",turns=9")]
    assert asked == ["Why?", "And then?", "Really?"]


@pytest.mark.parametrize("name", ["sharegpt.json", "sharegpt.jsonl"])
def test_sharegpt_asks_what_people_asked_for_as_long_as_they_were_answered(tmp_path: Path, name: str) -> None:
    row = {"id": "x", "conversations": SHARED}
    file = lines(tmp_path, [row] if name.endswith(".json") else row, name=name)
    first, second = only(file, ",turns=2")
    assert [message.role for message in first.messages] == ["system", "user"]
    assert [message.content for message in second.messages] == ["And a weir?"]
    assert (first.output_tokens, second.output_tokens) == (4, 5)
    assert only(file, ",output=9")[0].output_tokens == 9
    assert only(file, ",output=free")[0].output_tokens is None


def test_rows_that_ask_nothing_are_left_out_and_told(tmp_path: Path) -> None:
    continued = {"conversations": [{"from": "gpt", "value": "And so on."}, *SHARED[1:]]}
    file = lines(tmp_path, {"conversations": []}, {"conversations": SHARED[2:3]}, continued)
    assert [message.content for message in only(file)[0].messages] == ["What is a lock?"]
    assert workload_of(str(file)).notes == (
        "prompts.jsonl: rows left out since no user asks anything in them: 2",
        "numbers of tokens are estimates from words, since no --tokenizer was given",
    )
    assert len(workload_of(str(file), tokenizer="reference").notes) == 1
    with pytest.raises(BadInput, match="has no prompts"):
        workload_of(str(lines(tmp_path, {"conversations": []})))


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert only(lines(tmp_path, '\ufeff{"prompt": "Why?"}'))[0].messages[0].content == "Why?"


def test_parquet_has_the_same_names_as_columns(tmp_path: Path) -> None:
    file = tmp_path / "prompts.parquet"
    messages = [[{"role": "user", "content": "Why?"}], None]
    pq.write_table(pa.table({"prompt": [None, "How?"], "messages": messages, "output_tokens": [3, None]}), file)
    workload = workload_of(str(file))
    made = {workload.conversation(1, Place(round=0, number=n, serial=n))[0] for n in range(2)}
    assert {(prompt.messages[0].content, prompt.output_tokens) for prompt in made} == {("Why?", 3), ("How?", None)}


def test_each_row_is_asked_once_in_an_order_by_chance(tmp_path: Path) -> None:
    file = lines(tmp_path, *({"prompt": f"What is {n} + {n}?"} for n in range(22)))
    plan = planned(file, requests=10)
    assert sorted(texts(plan)) == sorted(f"What is {n} + {n}?" for n in range(22))
    assert texts(plan) != [f"What is {n} + {n}?" for n in range(22)]


def test_too_few_prompts_are_told_before_anything_is_sent(tmp_path: Path) -> None:
    file = lines(tmp_path, *({"prompt": f"What is {n} + {n}?"} for n in range(21)))
    with pytest.raises(BadInput, match=r"prompts\.jsonl has 21 different prompts, too few: round 2 .*repeat=tag"):
        planned(file, requests=10)


def test_the_same_row_twice_counts_once(tmp_path: Path) -> None:
    file = lines(tmp_path, {"prompt": "Why?"}, {"prompt": "How?"}, {"prompt": "Why?", "id": 3})
    workload = workload_of(str(file))
    assert workload.size == 2
    assert workload.notes == ("prompts.jsonl: rows left out since another says the same: 1",)


def test_repeats_are_tagged_or_plain_as_asked_for(tmp_path: Path) -> None:
    long = "and so on " * 40
    file = lines(tmp_path, *({"prompt": f"{n} {long}"} for n in range(5)))
    tagged, plain = planned(file, ",repeat=tag", requests=10), planned(file, ",repeat=yes", requests=10)
    assert len(set(texts(tagged))) == 22
    assert planned_reuse(tagged) == 0
    assert len(set(texts(plain))) == 5
    assert planned_reuse(plain) > 0.7


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{", "no JSON"),
        ("5", "it is no object"),
        ({"text": "?"}, "it has no prompt, messages, conversations, one of which it takes"),
        ({"prompt": 5}, "prompt is no text"),
        ({"prompt": " "}, "prompt is no text, or an empty one"),
        ({"prompt": "?", "output_tokens": 0}, "output_tokens is no whole number"),
        ({"prompt": "?", "output_tokens": True}, "output_tokens is no whole number"),
        ({"prompt": "?", "extra_body": []}, "extra_body is no object"),
        ({"prompt": "?", "turns": "more"}, "turns is no list"),
        ({"prompt": "?", "turns": [5]}, "a turn is no text"),
        ({"messages": "?"}, "messages are no list"),
        ({"messages": [{"role": "user"}]}, "messages are no list of role and content"),
        ({"messages": []}, "the last of its messages is not the user's"),
        ({"messages": [{"role": "assistant", "content": "?"}]}, "the last of its messages is not the user's"),
        ({"messages": [{"role": "king", "content": "?"}]}, "'king' is no role"),
        ({"conversations": {}}, "conversations is no list"),
        ({"conversations": [{"from": "human"}]}, "an entry without from and value"),
        ({"conversations": [{"from": "king", "value": "?"}]}, "'king' is nobody"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(tmp_path: Path, row: Any, told: str) -> None:
    with pytest.raises(BadInput, match=rf"prompts\.jsonl:3: .*{told}") as raised:
        workload_of(str(lines(tmp_path, {"prompt": "?"}, "", row)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.jsonl", b"\n", "has no prompts"),
        ("x.json", b"{}", "is no JSON array"),
        ("x.json", b"[] []", "is no JSON array"),
        ("x.jsonl", b'\xff{"prompt": "a"}', "x.jsonl:1: no JSON"),
        ("x.parquet", b"PAR1", "is no Parquet file"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=told) as raised:
        workload_of(str(tmp_path / name))
    assert "\n" not in str(raised.value)


def test_a_wrong_row_of_parquet_is_told_with_its_number(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": ["a", None]}), tmp_path / "p.parquet")
    with pytest.raises(BadInput, match=r"p\.parquet:2: no prompt"):
        workload_of(str(tmp_path / "p.parquet"))
