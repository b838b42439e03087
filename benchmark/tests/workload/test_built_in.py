import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from triphase_benchmark.plan.digest import digests
from triphase_benchmark.plan.load_flag import load_of
from triphase_benchmark.plan.loads import Requests
from triphase_benchmark.plan.making import Wish, make_plan
from triphase_benchmark.plan.ports import Place
from triphase_benchmark.plan.reuse import planned_reuse
from triphase_benchmark.workload.builtin.sets import SETS
from triphase_benchmark.workload.naming import workload_of

MEASURED = Requests(count=60)


def wish(text: str, **given: str) -> Wish:
    return Wish(
        seed=42,
        workload=workload_of(text, **given),
        load=load_of("closed:4"),
        engines=("a", "b"),
        iterations=3,
        measured=MEASURED,
        warm_up=Requests(count=10),
    )


def first_texts(name: str, count: int, seed: int = 1) -> list[str]:
    workload = workload_of(name)
    places = (Place(round=0, number=number, serial=number) for number in range(count))
    return [workload.conversation(seed, place)[0].messages[0].content for place in places]


@pytest.mark.parametrize("name", SETS)
def test_thousands_of_prompts_differ_from_their_beginning_and_without_their_tags(name: str) -> None:
    texts = first_texts(name, {"rag-long": 200, "synthetic": 600}.get(name, 3000))
    assert len({text[:22] for text in texts}) == len(texts)  # "Reference XXXXX-XXXXX."
    assert len({text[23:] for text in texts}) > 0.97 * len(texts)


@pytest.mark.parametrize("name", SETS)
def test_nothing_is_left_unfilled(name: str) -> None:
    for text in first_texts(name, 100):
        assert not re.search(r"\{[a-z]+\}|\{\d+-\d+\}", text)
        assert not re.search(r"\S  |\.\.|\?\?| [.,?]", text)


@pytest.mark.parametrize("name", SETS)
def test_a_plan_of_a_built_in_set_reuses_nothing(name: str) -> None:
    assert planned_reuse(make_plan(wish(name))) == 0


def test_what_a_set_asks_for_is_what_it_is_for() -> None:
    lengths = {name: len(first_texts(name, 20)[7]) for name in SETS}
    assert lengths["rag-long"] > 10 * max(lengths["chat"], lengths["reasoning"], lengths["code"])
    plan = make_plan(wish("reasoning"))
    assert {request.prompt.output_tokens for request in plan.rounds[0].requests} == {1024}


def test_a_question_of_rag_long_is_answered_by_one_of_its_documents() -> None:
    for text in first_texts("rag-long", 30):
        asked = re.search(r"Question: How many (.+) did (.+) count at (.+)\?$", text)
        assert asked
        things, body, where = asked.groups()
        place = next(word for word in re.findall(r"At ([^,]+), ", text) if where.startswith(word))
        told = re.findall(rf"At {place}, {body} counted (\d+) {things} {where.removeprefix(place).strip()}\.", text)
        assert len(told) == 1


def test_the_two_equations_of_a_purchase_have_whole_prices() -> None:
    found = 0
    for text in first_texts("reasoning", 400):
        numbers = re.search(
            r"buys (\d+) .* and (\d+) .* for (\d+) coins; another buys (\d+) .* and (\d+) .* for (\d+) coins", text
        )
        if numbers:
            found += 1
            a, b, first, c, d, second = map(int, numbers.groups())
            p = Fraction(first * d - second * b, a * d - c * b)
            q = (first - a * p) / b
            assert p.denominator == q.denominator == 1
            assert min(p, q) >= 3
    assert found > 20


def test_all_kinds_of_problems_come_about_equally_often() -> None:
    texts = first_texts("reasoning", 1200)
    kinds = Counter(
        next(
            word
            for word in ("begins the week", "messenger", "tank", "tram leaves", "buys", "boat every")
            if word in text
        )
        for text in texts
    )
    assert len(kinds) == 6
    assert min(kinds.values()) > 140


def test_lengths_are_exact_by_the_tokenizer_and_told_only_then() -> None:
    exact = make_plan(wish("synthetic,input=uniform:40:900,output=normal:100:20", tokenizer="reference"))
    counter = workload_of("synthetic", tokenizer="reference")
    assert counter.name == "synthetic"
    prompts = [request.prompt for request in exact.rounds[1].requests]
    assert all(40 <= (prompt.input_tokens or 0) <= 900 for prompt in prompts)
    assert len({prompt.input_tokens for prompt in prompts}) > 50
    assert len({prompt.output_tokens for prompt in prompts}) > 20
    estimated = make_plan(wish("synthetic,input=uniform:40:900"))
    assert {request.prompt.input_tokens for request in estimated.rounds[0].requests} == {None}


def test_output_is_as_asked_for() -> None:
    assert {r.prompt.output_tokens for r in make_plan(wish("chat,output=33")).rounds[0].requests} == {33}
    assert {r.prompt.output_tokens for r in make_plan(wish("chat,output=free")).rounds[0].requests} == {None}


def test_conversations_have_so_many_turns_and_later_ones_only_add() -> None:
    workload = workload_of("chat,turns=uniform:2:4")
    made = [workload.conversation(1, Place(round=0, number=n, serial=n)) for n in range(60)]
    assert {len(turns) for turns in made} == {2, 3, 4}
    assert all([message.role for message in turn.messages] == ["user"] for turns in made for turn in turns)


def test_the_same_seed_gives_the_same_bytes_and_another_none_of_them() -> None:
    for name in ("chat,turns=3", "synthetic,input=lognormal:200:0.5"):
        asked = wish(name)
        assert digests(make_plan(asked)) == digests(make_plan(wish(name)))
        other = make_plan(replace(asked, seed=43))
        texts = [
            {m.content for round_ in plan.rounds for r in round_.requests if r.after is None for m in r.prompt.messages}
            for plan in (make_plan(asked), other)
        ]
        assert not texts[0] & texts[1]
