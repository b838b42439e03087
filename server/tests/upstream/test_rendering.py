"""What a model reads, rendered here: the caller's texts make no control token, and a prefill is only what is exact."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from triphase_server.core.enforcement import Enforcement, Template
from triphase_server.core.errors import InvalidRequest, UpstreamContinuationFailed
from triphase_server.core.normalization import Normalization
from triphase_server.core.request import GenerationRequest, Message, Role, TextPart, Tool, ToolCall, ToolChoiceMode
from triphase_server.core.route import Deployment
from triphase_server.upstream.rendering import TemplateRendering
from triphase_server.upstream.token_counters import NoTokenizer, counter_of

REFERENCE = Path(__file__).parents[3] / "model/src/triphase_model/reference"
# The shape that most templates have: turns between control tokens, a toggle, calls, tools.
CHAT = """{%- if tools %}<|s|>tools
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|e|>
{% endif %}
{%- for message in messages %}<|s|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] %}CALL {{ call.function.arguments.a }}{% endfor %}<|e|>
{% endfor %}
{%- if add_generation_prompt %}<|s|>assistant
{% if enable_thinking is false %}<think>

</think>

{% endif %}{{ reasoning_effort or '' }}{% endif %}"""
# As those of several families, which put an empty block of thoughts before the last turn of the model.
CORRUPTS = CHAT.replace(
    "{{ message.role }}\n",
    "{{ message.role }}\n{% if loop.last and message.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}",
)
CONTROLS = ("<|s|>", "<|e|>", "<think>", "</think>", "[INST]")


@pytest_asyncio.fixture
async def rendering() -> AsyncIterator[TemplateRendering]:
    async with aclosing(TemplateRendering()) as one:
        yield one


def deployment(source: str = CHAT, **changes: Any) -> Deployment:
    enforcement = Enforcement(template=Template(source=source), controls=CONTROLS, **changes)
    return Deployment(name="a", upstream="u", model="m", enforcement=enforcement)


def user(*texts: str) -> Message:
    return Message(role=Role.USER, content=tuple(map(TextPart, texts)))


def ask(*turns: Message, **fields: Any) -> GenerationRequest:
    return GenerationRequest(model="m", messages=turns or (user("Hi"),), **fields)


async def prompt(rendering: TemplateRendering, request: GenerationRequest, source: str = CHAT, **body: object) -> str:
    return await rendering.prompt(deployment(source), request=request, reasoning_body=body)


async def test_a_conversation_is_what_the_template_makes_of_it(rendering: TemplateRendering) -> None:
    asked = ask(Message(role=Role.SYSTEM, content=(TextPart("Be kind."),)), user("Hi"))
    expected = "<|s|>system\nBe kind.<|e|>\n<|s|>user\nHi<|e|>\n<|s|>assistant\n"
    assert await prompt(rendering, asked) == expected


async def test_the_fields_of_the_plan_and_of_the_caller_reach_the_template(rendering: TemplateRendering) -> None:
    assert (await prompt(rendering, ask(), reasoning_effort="low")).endswith("assistant\nlow")
    own = ask(extra_body={"chat_template_kwargs": {"enable_thinking": False, "messages": []}})
    assert (await prompt(rendering, own)).endswith("<|e|>\n<|s|>assistant\n<think>\n\n</think>\n\n")


async def test_arguments_of_calls_are_objects_and_parts_are_one_text(rendering: TemplateRendering) -> None:
    calls = tuple(ToolCall(id="c", name="f", arguments=text) for text in ('{"a": 7}', "[1]", "not JSON"))
    asked = ask(user("one", "two"), Message(role=Role.ASSISTANT, tool_calls=calls))
    text = await prompt(rendering, asked)
    assert "one\ntwo" in text
    assert "CALL 7CALL CALL " in text


async def test_arguments_that_are_objects_already_stay_as_they_are(rendering: TemplateRendering) -> None:
    call = ToolCall(id="c", name="f", arguments='{"a": 7}')
    one = replace(deployment(), messages=Normalization(tool_arguments="object", null_content="empty"))
    asked = ask(user("Hi"), Message(role=Role.ASSISTANT, tool_calls=(call,)))
    assert "CALL 7" in await rendering.prompt(one, request=asked, reasoning_body={})


async def test_tools_stand_in_the_prompt(rendering: TemplateRendering) -> None:
    tool = Tool(name="f", parameters_schema='{"type": "object"}')
    text = await prompt(rendering, ask(tools=(tool,), tool_choice=ToolChoiceMode.NONE))
    assert '"parameters": {"type": "object"}' in text


@pytest.mark.parametrize(
    ("source", "turns"),
    [
        (CHAT, (user("Say <|e|>."),)),
        (CHAT.replace("\n{{ message.content", "{{ message.content"), (user("<|e|>"),)),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", (user("<|"), user("s|>"))),
        ("{{ messages[0].content | replace('-', '|') }}", (user("<-e->"),)),
        ("{{ messages[0].content | reverse }}", (user(">|e|<"),)),
        ("<|{{ messages[0].content }}", (user("s|>"),)),
    ],
    ids=["whole", "at a joint", "two turns", "made by the template", "turned round", "with the template's own"],
)
async def test_no_text_of_a_caller_becomes_a_control_token(
    rendering: TemplateRendering, source: str, turns: tuple[Message, ...]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await prompt(rendering, ask(*turns), source)
    assert refused.value.violations[0].field == "messages"


async def test_what_looks_like_the_beginning_of_one_is_let_through(rendering: TemplateRendering) -> None:
    assert "a < b [x] <|s" in await prompt(rendering, ask(user("a < b [x] <|s")))


async def test_what_the_template_refuses_is_the_requests_fault(rendering: TemplateRendering) -> None:
    with pytest.raises(InvalidRequest):
        await prompt(rendering, ask(), "{{ raise_exception('no') }}")


async def test_a_template_that_cannot_be_rendered_is_the_deployments(rendering: TemplateRendering) -> None:
    with pytest.raises(UpstreamContinuationFailed):
        await prompt(rendering, ask(), "{{ messages.a.b.c }}")


WRITTEN = "<think>\nSeven and eight.\n</think>\n\n"


@pytest.mark.parametrize(("source", "exact"), [(CHAT, True), (CORRUPTS, False)])
async def test_a_prefill_is_compared_byte_for_byte(rendering: TemplateRendering, source: str, exact: bool) -> None:
    one = deployment(source)
    written = await rendering.prefill(one, request=ask(), reasoning_body={}, written=WRITTEN)
    assert one.enforcement is not None
    expected = one.enforcement.behind(await prompt(rendering, ask(), source), WRITTEN)
    assert (written == expected) == exact


@pytest.mark.parametrize(
    "source",
    [
        CHAT.replace("{{ message.content or '' }}", "{{ (message.content or '').split('</think>')[-1] }}"),
        CHAT.replace(
            "{{ message.role }}\n", "{{ message.role }}\n{% if message.role == 'assistant' %}<think>{% endif %}"
        ),
        CHAT.replace("{{ message.content or '' }}", "{{ message.content if message.role == 'user' }}"),
        CHAT.replace("{{ message.content or '' }}", "{{ message.content | trim }}<|final|>"),
    ],
    ids=["takes it off", "doubles the marker", "drops it", "trims nothing of it"],
)
async def test_a_template_that_changes_a_thought_is_found_out(rendering: TemplateRendering, source: str) -> None:
    one = deployment(source)
    assert one.enforcement is not None
    written = await rendering.prefill(one, request=ask(), reasoning_body={}, written=WRITTEN)
    same = written == one.enforcement.behind(await prompt(rendering, ask(), source), WRITTEN)
    assert same == ("final" in source)  # its end is cut off, and the white space is not at the end of the message


async def test_tokens_are_counted_by_the_models_own_tokenizer(rendering: TemplateRendering) -> None:
    exact = rendering.counter(deployment(tokenizer=str(REFERENCE / "tokenizer.model")))
    other = counter_of(str(REFERENCE / "tokenizer.json"))
    text = "I need to add 47 and 38.\nOnes: 7+8=15. Write 5"
    words = ["I", " need", " to", " add", " 47", " and", " 38.", "\nOnes:", " 7+8=15.", " Write", " 5"]
    assert sum(map(exact, words)) == exact(text) == other(text) == 26


async def test_without_a_tokenizer_an_estimate_counts_that_learns(rendering: TemplateRendering) -> None:
    one = deployment(characters_per_token=2.0)
    assert rendering.counter(one)("abcd") == 2
    rendering.learn(one, characters=400, tokens=100)
    assert rendering.counter(one)("abcd") < 2


async def test_a_tokenizer_that_vanished_leaves_the_estimate(rendering: TemplateRendering, tmp_path: Path) -> None:
    assert rendering.counter(deployment(tokenizer=str(tmp_path / "tokenizer.model")))("abc") == 1


@pytest.mark.parametrize("name", ["tokenizer.model", "tokenizer.json"])
def test_what_is_no_tokenizer_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nothing of the kind")
    with pytest.raises(NoTokenizer):
        counter_of(str(tmp_path / name))
