"""How the gateway itself bounds thoughts where an engine cannot: what is configured of it, and who may be served so.

Its rule: the model must read exactly what it would have written, so that nothing of a caller may become a control token
on the way (`controls.py`), and nothing is asked that a continuation of text cannot give. Where a bound was asked for
and cannot be kept, the request is refused; where none was, it is served without one. The machine that cuts is
`watch.py`, asking the engine to go on is `service/enforced.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain

from triphase_server.core.controls import first_control
from triphase_server.core.detection import Detection, Marker, UnclosedPolicy
from triphase_server.core.effort import PlannedReasoning
from triphase_server.core.effort_tables import TEMPLATE_FIELD
from triphase_server.core.errors import InvalidRequest, Violation
from triphase_server.core.events import AppliedReasoning, Control
from triphase_server.core.request import GenerationRequest, ImagePart, Message, Reasoning, TextPart, ToolChoiceMode

_MOST_CHARACTERS_TOLD = 40
# Of a caller, so that what a template makes of them is within the limit of a rendering, a million.
_MOST_CHARACTERS = 900_000

# Fields of an engine's body that put something else before the model, or into its answer, than what is rendered here.
_RENDERED_OTHERWISE = frozenset({
    "add_generation_prompt", "add_special_tokens", "chat_template", "continue_final_message", "documents", "echo",
    "prompt", "prompt_embeds", "suffix", "truncate_prompt_tokens",
})  # fmt: skip
# Variables of a chat template that do so too, where an engine lets callers set what it sets itself.
_VARIABLES_OF_ENGINES = frozenset({
    "add_generation_prompt", "chat_template", "continue_final_message", "documents", "messages", "tools",
})  # fmt: skip


class Way(StrEnum):
    """How an engine is asked to go on with an answer: by a prompt of text, or by a message that is not finished."""

    COMPLETIONS = "completions"
    PREFILL = "prefill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A chat template, and the special tokens by the names that templates know, such as `bos_token`."""

    source: str = field(repr=False)
    tokens: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """How a deployment's thoughts are closed by the gateway.

    Attributes:
        template: From which the gateway knows what the model reads.
        controls: The texts that the tokenizer takes for control tokens: no text of a caller may hold one.
        marker: What encloses thoughts in the model's text.
        opening: How a thought begins there, its marker included.
        closing: How it ends and the answer begins, likewise.
        sentence: What is put before `closing` where a thought is cut; the model reads it, the client does not.
        answer_tokens: The limit of a continuation where the caller sets none.
        way: How the engine is asked to go on.
        body: Fields that a continuation's body carries.
        extending: What takes the place of `closing` where a thought is to go on.
        extensions: How often a thought is made to go on, at most.
        reopenings: How often a thought that begins after its end is closed again, at most.
        tokenizer: The path of the tokenizer that counts; empty = an estimate does.
        characters_per_token: What that estimate begins with.
    """

    template: Template
    controls: tuple[str, ...]
    marker: Marker = Marker(open="<think>", close="</think>")
    opening: str = "<think>\n"
    closing: str = "\n</think>\n\n"
    sentence: str = ""
    answer_tokens: int = 4096
    way: Way = Way.COMPLETIONS
    body: Mapping[str, object] = field(default_factory=dict)
    extending: str = "\nWait"
    extensions: int = 2
    reopenings: int = 2
    tokenizer: str = ""
    characters_per_token: float = 3.0

    def continued(self, detection: Detection) -> Detection:
        """Returns how the text of a continuation is told apart: as raw text, which no parser of the engine has seen."""
        known = self.marker in detection.markers
        markers = detection.markers if known else (*detection.markers, self.marker)
        return replace(detection, markers=markers, unclosed=UnclosedPolicy.KEEP)

    def behind(self, prompt: str, written: str) -> str:
        """Returns the prompt with what the model is to have written; what the template wrote of it stands once."""
        end = prompt.rstrip()
        if end.endswith(self.marker.open):
            return prompt + written.removeprefix(self.opening)
        if end.endswith(self.marker.close):
            return prompt + written.removeprefix(self.opening + self.closing)
        return prompt + written


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What an engine is asked to go on with: the whole `prompt`, which ends with `written`, for so many tokens.

    `delivered`: how many tokens of the answer came before it.
    """

    prompt: str = field(repr=False)
    written: str = field(repr=False)
    max_tokens: int
    delivered: int = 0


def enforceable(
    planned: PlannedReasoning, *, request: GenerationRequest, enforcement: Enforcement | None
) -> PlannedReasoning:
    """Returns the plan, without what the gateway cannot enforce for this request where the caller asked for no bound.

    Raises InvalidRequest where the caller did.
    """
    if not planned.enforces:
        return planned
    violation = _unfit(request, enforcement)
    if violation is None:
        return planned
    if asks_for_a_bound(request.reasoning):
        raise InvalidRequest((violation,))
    return replace(planned, applied=_unbounded(planned.applied), enforced=None, least=0)


def _unbounded(applied: AppliedReasoning) -> AppliedReasoning:
    """Returns what is reported, without what the gateway itself would have brought about."""
    own = (Control.FORCED_STOP, Control.PREFILL)
    control = None if applied.control in own else applied.control
    if applied.max_tokens_control in own:
        applied = replace(applied, max_tokens=0, max_tokens_control=None)
    effort = applied.applied_effort if control is not None else None
    source = applied.source if control or applied.max_tokens_control or applied.method else None
    return replace(applied, applied_effort=effort, control=control, source=source, minimum_tokens=0)


def asks_for_a_bound(reasoning: Reasoning) -> bool:
    """Whether a caller said anything of how long to think."""
    return reasoning.effort is not None or reasoning.max_tokens > 0 or reasoning.minimum_tokens > 0


def _unfit(request: GenerationRequest, enforcement: Enforcement | None) -> Violation | None:
    """Returns what of a request keeps the gateway from enforcing anything."""
    if enforcement is None:
        return Violation(field="reasoning", description="nothing bounds the thoughts of this model")
    found = _rendered_otherwise(request.extra_body)
    if enforcement.way is Way.COMPLETIONS:
        found = chain(found, _parsed_by_chat_alone(request))
    first = next(found, None)
    if first is not None:
        return Violation(field=first, description="cannot be served together with a bound on reasoning")
    texts = tuple(_texts(request))
    if sum(len(text) for _, text in texts) > _MOST_CHARACTERS:
        message = f"a bound on reasoning cannot be kept with more than {_MOST_CHARACTERS} characters of text"
        return Violation(field="messages", description=message)
    for name, text in texts:
        control = first_control(text, enforcement.controls)
        if control:
            told = control[:_MOST_CHARACTERS_TOLD]
            description = f"a bound on reasoning cannot be kept with {told!r} in it, which is a control token here"
            return Violation(field=name, description=description)
    return None


def _rendered_otherwise(extra_body: Mapping[str, object]) -> Iterator[str]:
    for name in sorted(_RENDERED_OTHERWISE & extra_body.keys()):
        yield f"extra_body.{name}"
    variables = extra_body.get(TEMPLATE_FIELD)
    if isinstance(variables, Mapping):
        for name in sorted(_VARIABLES_OF_ENGINES & variables.keys()):
            yield f"extra_body.{TEMPLATE_FIELD}.{name}"


def _parsed_by_chat_alone(request: GenerationRequest) -> Iterator[str]:
    if request.tools and request.tool_choice is not ToolChoiceMode.NONE:
        yield "tools"
    if request.response_format is not None:
        yield "response_format"
    for place, turn in enumerate(request.messages):
        if any(isinstance(part, ImagePart) for part in turn.content):
            yield f"messages[{place}].content"


def _texts(request: GenerationRequest) -> Iterator[tuple[str, str]]:
    """Yields all texts of a caller that a template can reach; those that one may join without a gap, as one."""
    for place, turn in enumerate(request.messages):
        yield f"messages[{place}]", "\n".join(_texts_of_turn(turn))
    for place, tool in enumerate(request.tools):
        yield f"tools[{place}]", "\n".join((tool.name, tool.description, tool.parameters_schema))
    yield "extra_body", "\n".join(_strings(request.extra_body))


def _texts_of_turn(turn: Message) -> Iterator[str]:
    yield "".join(part.text for part in turn.content if isinstance(part, TextPart))
    yield from (turn.reasoning, turn.name, turn.tool_call_id)
    for call in turn.tool_calls:
        yield from (call.id, call.name, call.arguments)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
