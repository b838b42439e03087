"""The whole circle: what a model's files say its template cannot take is put so that the template does take it.

The rules come out of the repository that the configuration names; the template is then really rendered.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from repositories.reasoning import repository
from triphase_model.validator.rendering.kept import KeptTemplate
from triphase_server.app.profiling import Derivations
from triphase_server.config import load
from triphase_server.core.normalization import AS_GIVEN, normalize
from triphase_server.core.request import GenerationRequest, Message, Role, TextPart, ToolCall
from triphase_server.core.route import Deployment
from triphase_server.upstream.body import encode_body

WORDS = ("BeBrief", "HowWarm", "InRome", "LookUp", "Town", "Roma", "Result", "Celsius", "WellThen", "AndNow")
TURNS = (
    Message(role=Role.DEVELOPER, content=(TextPart("BeBrief"),)),
    Message(role=Role.USER, content=(TextPart("HowWarm"), TextPart("InRome"))),
    Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="c1", name="LookUp", arguments='{"Town": "Roma"}'),)),
    Message(role=Role.TOOL, tool_call_id="c1", content=(TextPart("Result"),)),
    Message(role=Role.SYSTEM, content=(TextPart("Celsius"),)),
    Message(role=Role.USER, content=(TextPart("WellThen"),)),
    Message(role=Role.USER, content=(TextPart("AndNow"),)),
)
REQUEST = GenerationRequest(model="m", messages=TURNS)

_PARTS = (
    "{% if m.content is string %}{{ m.content }}{% endif %}"
    "{% for p in m.content or [] if m.content is not string %}{{ p.text }}{% endfor %}"
)
_TEXT = "{{ '' + m.content }}"
_CALLS = (
    "{% for c in m.tool_calls or [] %}{{ c.function.name }}"
    "{{ c.function.arguments if c.function.arguments is string else c.function.arguments | tojson }}{% endfor %}"
)
_MEMBERS = (
    "{% for c in m.tool_calls or [] %}{{ c.function.name }}"
    "{% for k, v in c.function.arguments | items %}{{ k }}{{ v }}{% endfor %}{% endfor %}"
)
_NO_DEVELOPER = "{% if m.role == 'developer' %}{{ raise_exception('no developer') }}{% endif %}"
_NO_SYSTEM = "{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
_ONE_SYSTEM = "{% if m.role == 'system' and not loop.first %}{{ raise_exception('not here') }}{% endif %}"
_IN_TURN = (
    "{% set twice = not loop.first and m.role == 'user' and loop.previtem.role == 'user' %}"
    "{% if twice %}{{ raise_exception('turns') }}{% endif %}"
)
# Each refuses or loses something of the conversation.
TEMPLATES = {
    "texts alone": _TEXT + _CALLS,
    "arguments by their members": _PARTS + _MEMBERS,
    "no developer": _NO_DEVELOPER + _PARTS + _CALLS,
    "developers are dropped": "{% if m.role != 'developer' %}" + _PARTS + _CALLS + "{% endif %}",
    "no system": _NO_SYSTEM + _PARTS + _CALLS,
    "the system at the beginning alone": _NO_DEVELOPER + _ONE_SYSTEM + _PARTS + _CALLS,
    "later systems are dropped": "{% if m.role != 'system' or loop.first %}" + _PARTS + _CALLS + "{% endif %}",
    "user and model in turn": _IN_TURN + _PARTS + _CALLS,
    "all of it": _NO_DEVELOPER + _ONE_SYSTEM + _IN_TURN + _TEXT + _MEMBERS,
    "all of it without a system": _NO_DEVELOPER + _NO_SYSTEM + _IN_TURN + _TEXT + _MEMBERS,
}


def deployment(folder: Path, template: str, *, engine: str = "") -> Deployment:
    """A deployment as the application makes it of a file that names a repository with the template."""
    (folder / "model").mkdir()
    for name, data in repository(template).items():
        (folder / "model" / name).write_bytes(data)
    path = folder / "gateway.toml"
    path.write_text(
        '[upstreams.e]\nbase_url = "http://127.0.0.1:1/v1"\n'
        f'[deployments.d]\nupstream = "e"\nmodel = "m"\nrepository = "model"\n{engine}\n'
        '[routes.m]\ndeployments = ["d"]\n',
        encoding="utf-8",
    )
    return load(path, environ={}, derive=Derivations()).deployments["d"]


def sent(to: Deployment, request: GenerationRequest) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = json.loads(encode_body(request, deployment=to, reasoning_body={}))["messages"]
    return messages


async def rendered(template: str, messages: list[dict[str, Any]]) -> str:
    """What the template writes; empty where it raises."""
    kept = KeptTemplate(template, {"bos_token": "<s>", "eos_token": "</s>"}, wall_s=60.0)
    try:
        return (await kept.render({"messages": messages, "add_generation_prompt": True})).text or ""
    finally:
        await kept.aclose()


@pytest.mark.parametrize("body", TEMPLATES.values(), ids=list(TEMPLATES))
def test_a_template_takes_all_of_a_conversation_by_the_rules_of_its_own_profile(tmp_path: Path, body: str) -> None:
    template = "{% for m in messages %}[{{ m.role }}]" + body + "{% endfor %}"
    to = deployment(tmp_path, template)
    assert to.messages != AS_GIVEN
    plain = Deployment(name="d", upstream="e", model="m")
    given = asyncio.run(rendered(template, sent(plain, REQUEST)))
    assert not all(word in given for word in WORDS)
    put = asyncio.run(rendered(template, sent(to, normalize(REQUEST, rules=to.messages).request)))
    assert [word for word in WORDS if word not in put] == []


def test_a_template_that_takes_everything_has_no_rules(tmp_path: Path) -> None:
    assert deployment(
        tmp_path, "{% for m in messages %}[{{ m.role }}]" + _PARTS + _CALLS + "{% endfor %}"
    ).messages == (AS_GIVEN)


def test_what_the_engine_does_by_itself_is_left_to_it(tmp_path: Path) -> None:
    template = "{% for m in messages %}[{{ m.role }}]" + TEMPLATES["all of it"] + "{% endfor %}"
    rules = deployment(tmp_path, template, engine='engine = "vllm"').messages
    assert (rules.developer, rules.parts, rules.null_content, rules.tool_arguments) == ("keep",) * 4
    assert (rules.system, rules.alternation) == ("merge", "merge")
