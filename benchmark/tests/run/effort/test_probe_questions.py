"""What a probe sends, and what it makes of the engine's first answers, against a scripted one."""

from pathlib import Path
from typing import Any

import pytest
from client_fakes.scripted import DONE, HANG, ScriptedServer, Step, chunk, counted, framed, json_answer, usage_chunk
from triphase_benchmark.client.asking import target_of
from triphase_benchmark.effort.levels import levels_of
from triphase_benchmark.effort.values import Prompt
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.run.effort.asking import OFF, Asker, level_members, members_of
from triphase_benchmark.run.effort.greeting import Met, meet
from triphase_benchmark.run.effort.wanted import EffortGiven, EffortWanted, effort_wanted
from triphase_benchmark.run.problems import CannotRun

ANSWER = chunk("", role="assistant") + chunk("<think>hm</think>4") + chunk(finish="stop") + usage_chunk(3) + DONE
SAID = framed(ANSWER)
MODELS = json_answer({"data": [{"id": "m"}]})
REFUSED = json_answer({"error": {"message": "no"}}, b"400 Bad Request")
# What a first look asks before any level: models and round trips, and three short answers.
LOOK: list[list[Step]] = [MODELS] * 6 + [SAID, json_answer({"choices": [{"message": {"content": "4"}}]})] * 2


def wanted(engine: Engine, **changed: Any) -> EffortWanted:
    options: dict[str, Any] = {
        "levels": "low,high",
        "field": None,
        "prompts": "sums",
        "stages": "6x1",
        "temperature": "0.7",
        "max_tokens": 99,
        "tokenizer": None,
        "margin": 1.15,
        "concurrency": 1,
        "seed": 1,
        "timeout": 5.0,
        "wait": 0.0,
        "out": None,
    }
    given = EffortGiven(**(options | changed))
    return effort_wanted(given, engine, seed=1, out=Path("unused"), argv=())


async def met(*scripts: list[Step], profile: str = "generic", **changed: Any) -> tuple[Met, list[Any]]:
    async with ScriptedServer(*scripts) as server:
        engine = Engine(name="one", url=server.url, model="m", profile=profile)
        found = await meet(wanted(engine, **changed))
    asked = [body for body in server.bodies if body is not None and "min_tokens" not in body]
    return found, [body for body in asked if body.get("seed") == 1]


async def test_each_level_is_asked_for_by_the_member_that_was_named() -> None:
    found, bodies = await met(*LOOK[:7], SAID, SAID, SAID)
    assert [level.name for level in found.levels] == ["low", "high"]
    assert [body.get("reasoning_effort") for body in bodies] == ["low", "high", None]
    assert bodies[0] | {"messages": None} == {
        "model": "m", "messages": None, "seed": 1, "temperature": 0.7, "max_tokens": 99, "reasoning_effort": "low",
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert bodies[2]["chat_template_kwargs"] == OFF["chat_template_kwargs"]
    assert found.controlled


async def test_the_limit_has_the_name_that_the_engine_knows_and_the_temperature_may_be_its_own() -> None:
    _, bodies = await met(SAID, profile="openai", temperature="model", levels="1,2", field="reasoning.max_tokens")
    assert bodies[0]["max_completion_tokens"] == 99
    assert "temperature" not in bodies[0]
    assert [body.get("reasoning") for body in bodies[:2]] == [{"max_tokens": 1}, {"max_tokens": 2}]


async def test_an_engine_that_refuses_everything_is_refused() -> None:
    with pytest.raises(CannotRun, match="one refuses a request without any level: status 400: no"):
        await met(REFUSED, max_tokens=None)
    with pytest.raises(CannotRun, match="refuses reasoning_effort 'low', and takes none of them: status 400: no"):
        await met(REFUSED)


async def test_an_engine_that_stands_still_is_not_asked_for_every_level() -> None:
    found, bodies = await met(*LOOK[:6], [HANG], timeout=0.3)
    assert [level.name for level in found.levels] == ["low", "high"]  # the probe itself will tell
    assert len(bodies) <= 3


async def test_pages_of_html_end_it() -> None:
    with pytest.raises(CannotRun, match="answers pages of HTML"):
        await met(counted(b"<html></html>", kind=b"Content-Type: text/html\r\n"))


def test_the_members_of_arms() -> None:
    design = wanted(Engine(name="one", url="http://127.0.0.1:9")).design(levels_of("low,high"), controlled=True)
    assert members_of("low", design, "reasoning_effort") == {"reasoning_effort": "low"}
    assert members_of("twin", design, "reasoning_effort") == {"reasoning_effort": "high"}
    assert members_of("control", design, "reasoning_effort") == OFF
    assert level_members(levels_of("true,false")[0], "chat_template_kwargs.enable_thinking") == {
        "chat_template_kwargs": {"enable_thinking": False}
    }


async def test_what_a_prompt_brings_stays_beside_the_level() -> None:
    own = Prompt(turns=(("user", "?"),), extra_body={"chat_template_kwargs": {"x": 1}, "seed": 9})
    one = wanted(Engine(name="one", url="http://127.0.0.1:9"))
    asker = Asker(one, target_of(one.engine, model="m", limits=one.limits), limit=5)
    question = asker.question(own, seed=3, members_={"chat_template_kwargs": {"reasoning_effort": "low"}})
    assert dict(question.extra_body) == {
        "chat_template_kwargs": {"x": 1, "reasoning_effort": "low"}, "seed": 3, "temperature": 0.7, "max_tokens": 5,
    }  # fmt: skip
