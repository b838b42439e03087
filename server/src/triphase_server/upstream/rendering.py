"""What a deployment's model reads, as text: its chat template rendered here; `Rendering` of `service/ports.py`.

The rule: a template runs in a child process with limits, one for each template, which is kept warm and replaced where
it dies; and what a caller wrote never becomes a control token. That is proven for each prompt by a second rendering,
with the caller's texts defused: both must hold the same control tokens. Who is refused beforehand is
`core/enforcement.py`.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from triphase_model.validator.rendering.kept import KeptTemplate
from triphase_model.validator.rendering.results import Failure, Outcome

from triphase_server.core.controls import all_controls
from triphase_server.core.counting import CharacterEstimate
from triphase_server.core.enforcement import Enforcement, Template
from triphase_server.core.errors import InvalidRequest, Stage, UpstreamContinuationFailed, Violation
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment
from triphase_server.core.watch import Count
from triphase_server.upstream.body import body_of, encoded
from triphase_server.upstream.token_counters import NoTokenizer, counter_of

# Stands at the end of a message that is not finished, as transformers marks where it cuts the template's text.
_END_OF_MESSAGE = "zqEndOfUnfinishedMessage"
_HARMLESS = "\u00b7"


class TemplateRendering:
    """All templates of the process; to be closed."""

    def __init__(self) -> None:
        self._templates: dict[tuple[str, tuple[tuple[str, str], ...]], KeptTemplate] = {}
        self._estimates: dict[str, CharacterEstimate] = {}

    async def prompt(
        self, deployment: Deployment, *, request: GenerationRequest, reasoning_body: Mapping[str, object]
    ) -> str:
        """Returns the text that the engine makes of a request; see `service/ports.py`."""
        enforcement = _enforcement(deployment)
        variables = _variables(request, deployment=deployment, reasoning_body=reasoning_body)
        text = await self._text(enforcement, variables)
        harmless = cast("dict[str, Any]", _defused(variables, _edges(enforcement.controls)))
        # The names of roles are the template's matter, not text.
        for turn, plain in zip(harmless["messages"], variables["messages"], strict=True):
            turn["role"] = plain["role"]
        expected = await self._text(enforcement, harmless)
        if all_controls(text, enforcement.controls) != all_controls(expected, enforcement.controls):
            raise _refused("a bound on reasoning cannot be kept where it holds what is a control token here")
        return text

    async def prefill(
        self,
        deployment: Deployment,
        *,
        request: GenerationRequest,
        reasoning_body: Mapping[str, object],
        written: str,
    ) -> str:
        """Returns the text that the engine makes of a request whose last message is `written` and is not finished.

        As transformers renders it: without a generation prompt, and cut where the message ends; empty where the
        template lost that place.
        """
        variables = _variables(request, deployment=deployment, reasoning_body=reasoning_body)
        unfinished = {"role": "assistant", "content": written + _END_OF_MESSAGE}
        messages = [*variables["messages"], unfinished]
        text = await self._text(
            _enforcement(deployment), variables | {"messages": messages, "add_generation_prompt": False}
        )
        return text.rpartition(_END_OF_MESSAGE)[0]

    def counter(self, deployment: Deployment) -> Count:
        """Returns what counts the tokens of one answer."""
        tokenizer = _enforcement(deployment).tokenizer
        try:
            return counter_of(tokenizer) if tokenizer else self._estimate(deployment).counter()
        except NoTokenizer:  # it was there when the configuration was read
            return self._estimate(deployment).counter()

    def learn(self, deployment: Deployment, *, characters: int, tokens: int) -> None:
        """Takes how long a whole answer was, and how many tokens the engine says it had."""
        self._estimate(deployment).learn(characters=characters, tokens=tokens)

    async def aclose(self) -> None:
        """Ends all child processes."""
        templates, self._templates = self._templates, {}
        for template in templates.values():
            await template.aclose()

    def _estimate(self, deployment: Deployment) -> CharacterEstimate:
        first = _enforcement(deployment).characters_per_token
        return self._estimates.setdefault(deployment.name, CharacterEstimate(first))

    async def _text(self, enforcement: Enforcement, variables: Mapping[str, Any]) -> str:
        outcome = await self._template(enforcement.template).render(variables)
        if outcome.text is None:
            raise _error(outcome)
        return outcome.text

    def _template(self, template: Template) -> KeptTemplate:
        key = (template.source, tuple(sorted(template.tokens.items())))
        if key not in self._templates:
            self._templates[key] = KeptTemplate(template.source, template.tokens)
        return self._templates[key]


def _enforcement(deployment: Deployment) -> Enforcement:
    assert deployment.enforcement is not None
    return deployment.enforcement


def _variables(
    request: GenerationRequest, *, deployment: Deployment, reasoning_body: Mapping[str, object]
) -> dict[str, Any]:
    """Returns what engines hand to a template: the request's own variables, and messages as it expects them."""
    body = body_of(request, deployment=deployment, reasoning_body=reasoning_body)
    plain: dict[str, Any] = msgspec.json.decode(encoded(body))
    own = plain.get("chat_template_kwargs")
    effort = {"reasoning_effort": plain["reasoning_effort"]} if "reasoning_effort" in plain else {}
    return {
        **effort,
        **(own if isinstance(own, dict) else {}),
        "messages": [_turn(turn) for turn in plain["messages"]],
        "tools": plain.get("tools"),
        "documents": None,
        "add_generation_prompt": True,
    }


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    """Returns a turn with one text, and the arguments of its calls as objects: what templates are written for."""
    content = turn.get("content")
    if isinstance(content, list):
        turn["content"] = "\n".join(part["text"] for part in content if part.get("type") == "text")
    for call in turn.get("tool_calls", ()):
        call["function"]["arguments"] = _object(call["function"]["arguments"])
    return turn


def _object(arguments: object) -> object:
    if not isinstance(arguments, str):  # the deployment's own rules for messages have made it one
        return arguments
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return value if isinstance(value, dict) else arguments


def _edges(controls: tuple[str, ...]) -> dict[int, str]:
    """Returns the letters by which control tokens begin and end, each with what stands for it."""
    return {ord(letter): _HARMLESS for text in controls if len(text) > 1 for letter in (text[0], text[-1])}


def _defused(value: object, letters: Mapping[int, str]) -> object:
    """Returns JSON whose texts neither begin nor end a control token."""
    match value:
        case str():
            return value.translate(letters)
        case dict():
            return {key: _defused(inner, letters) for key, inner in value.items()}
        case list():
            return [_defused(inner, letters) for inner in value]
        case _:
            return value


def _error(outcome: Outcome) -> InvalidRequest | UpstreamContinuationFailed:
    if outcome.failure is Failure.RAISED:
        return _refused("the model's chat template refuses this conversation")
    return UpstreamContinuationFailed("the model's chat template cannot be rendered", stage=Stage.CONNECT)


def _refused(description: str) -> InvalidRequest:
    return InvalidRequest((Violation(field="messages", description=description),))
