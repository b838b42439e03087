"""A kept template renders again and again in one child with limits, which is replaced where it dies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
import pytest_asyncio
from triphase_model.validator.rendering.kept import KeptTemplate
from triphase_model.validator.rendering.results import Failure, Outcome

Keep = Callable[..., KeptTemplate]


@pytest_asyncio.fixture
async def keep() -> AsyncIterator[Keep]:
    async with AsyncExitStack() as stack:
        kept: list[KeptTemplate] = []

        def one(source: str, **options: float) -> KeptTemplate:
            kept.append(KeptTemplate(source, {"bos_token": "<s>"}, **options))
            return kept[-1]

        yield one
        for template in kept:
            await stack.enter_async_context(aclosing(template))


async def test_one_child_renders_whatever_it_is_asked(keep: Keep) -> None:
    template = keep("{{ bos_token }}{{ messages[0].content | tojson }}")
    assert template.pid is None
    texts = [await template.render({"messages": [{"content": text}]}) for text in ("a\nb", "é\u2028漢")]
    assert texts == [Outcome(text='<s>"a\\nb"'), Outcome(text='<s>"é\u2028漢"')]
    pid = template.pid
    await asyncio.gather(*(template.render({"messages": [{"content": str(number)}]}) for number in range(20)))
    assert template.pid == pid


async def test_variables_win_over_tokens_of_the_same_name(keep: Keep) -> None:
    assert await keep("{{ bos_token }}").render({"bos_token": "x"}) == Outcome(text="x")


async def test_what_a_template_refuses_is_its_own_word(keep: Keep) -> None:
    template = keep("{% if x %}{{ raise_exception('not ' + x) }}{% endif %}ok")
    assert await template.render({"x": "that"}) == Outcome(failure=Failure.RAISED, detail="not that")
    assert await template.render({}) == Outcome(text="ok")


async def test_the_clock_is_that_of_the_day(keep: Keep) -> None:
    year = (await keep("{{ strftime_now('%Y') }}").render({})).text
    assert year is not None
    assert int(year) >= 2026
    assert year.isdigit()


async def test_a_template_that_cannot_be_compiled_says_so_each_time(keep: Keep) -> None:
    template = keep("{% if %}")
    outcomes = [await template.render({}) for _ in range(2)]
    assert [outcome.failure for outcome in outcomes] == [Failure.SYNTAX] * 2


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ ('x' * 100000000) | length }}{{ ('x' * 900000000) | length }}",
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
    ],
    ids=["time", "memory", "length"],
)
async def test_a_limit_is_an_outcome_and_the_next_rendering_works(keep: Keep, source: str) -> None:
    template = keep("{% if hostile %}" + source + "{% else %}ok{% endif %}")
    assert await template.render({}) == Outcome(text="ok")
    assert (await template.render({"hostile": True})).failure is Failure.LIMIT
    assert await template.render({}) == Outcome(text="ok")


async def test_processor_time_counts_anew_for_each_rendering(keep: Keep) -> None:
    template = keep("{% for a in range(n) %}{% for b in range(1000) %}{% endfor %}{% endfor %}ok")
    one = await template.render({"n": 1})
    pid = template.pid
    outcomes = [await template.render({"n": 12_000}) for _ in range(9)]
    assert [one, *outcomes] == [Outcome(text="ok")] * 10
    assert template.pid == pid


async def test_a_rendering_that_waits_for_nothing_is_stopped_by_the_clock(keep: Keep) -> None:
    template = keep("ok", wall_s=1.0)
    await template.render({})
    assert template.pid is not None
    os.kill(template.pid, signal.SIGSTOP)
    assert (await template.render({})).failure is Failure.LIMIT
    assert await template.render({}) == Outcome(text="ok")


async def test_a_child_that_dies_is_replaced(keep: Keep) -> None:
    template = keep("ok")
    await template.render({})
    first = template.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    outcomes = [await template.render({}) for _ in range(2)]
    assert outcomes[-1] == Outcome(text="ok")
    assert template.pid != first


async def test_a_child_that_ended_for_idleness_is_replaced_unnoticed(keep: Keep) -> None:
    template = keep("ok")
    await template.render({})
    assert template.pid is not None
    os.kill(template.pid, signal.SIGSTOP)  # so that the alarm meets it with a question that it has not read
    asked = asyncio.create_task(template.render({}))
    await asyncio.sleep(0)
    os.kill(template.pid, signal.SIGALRM)
    os.kill(template.pid, signal.SIGCONT)
    assert await asked == Outcome(text="ok")


async def test_a_caller_that_leaves_spoils_nothing(keep: Keep) -> None:
    template = keep("{{ n }}")
    await template.render({"n": 0})
    leaving = asyncio.create_task(template.render({"n": 1}))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await template.render({"n": 2}) == Outcome(text="2")


async def test_too_much_is_not_even_asked(keep: Keep) -> None:
    template = keep("x" * 300_000)
    assert (await template.render({})).failure is Failure.LIMIT
    assert template.pid is None


async def test_nothing_is_left_behind() -> None:
    template = KeptTemplate("ok", {})
    await template.render({})
    pid = template.pid
    assert pid is not None
    await template.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert template.pid is None


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not tell it")
async def test_a_child_has_nothing_of_our_environment(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "4711")
    template = keep("ok")
    await template.render({})
    environment = Path(f"/proc/{template.pid}/environ").read_bytes()  # noqa: ASYNC240 - a file of the kernel's
    assert b"4711" not in environment
