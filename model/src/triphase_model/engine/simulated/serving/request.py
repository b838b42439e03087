"""A request to the simulated engine: what it asks for, and what follows of it for lengths, thoughts and the stream.

Its rule: members it does not know are ignored; what a real engine refuses is `Refused`. All chance here is keyed by the
seed and the request's key: its `x-request-id` header, else the number of its arrival.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from triphase_model.engine.ports import Endpoint
from triphase_model.engine.refusals import Refused
from triphase_model.engine.simulated.faults import Fault
from triphase_model.engine.simulated.serving.chance import chunk_sizes, drawer, natural_lengths
from triphase_model.engine.simulated.serving.jobs import Job
from triphase_model.engine.simulated.serving.prefix_cache import block_hashes
from triphase_model.engine.simulated.serving.settings import Settings
from triphase_model.engine.simulated.serving.wording import token_texts

Tokens = Annotated[int, Meta(ge=0, le=1 << 30)]


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False
    continuous_usage_stats: bool = False


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str = ""


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[_Part] | None = None


class _TemplateArguments(msgspec.Struct, frozen=True):
    enable_thinking: bool | None = None
    thinking: bool | None = None


class _ProcessorArguments(msgspec.Struct, frozen=True):
    thinking_budget: Tokens | None = None


class _Simulate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fault: Fault | None = None


class Body(msgspec.Struct, frozen=True):
    """The members that count; `None` is the same as absent."""

    model: str | None = None
    messages: list[_Message] | None = None
    prompt: str | list[int] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    min_tokens: Tokens | None = None
    ignore_eos: bool | None = None
    n: int | None = None
    include_reasoning: bool | None = None
    parse_reasoning: bool | None = None
    reasoning_effort: str | None = None
    thinking_token_budget: Tokens | None = None
    reasoning_budget: Tokens | None = None
    thinking_budget_tokens: Tokens | None = None
    custom_logit_processor: str | None = None
    custom_params: _ProcessorArguments | None = None
    chat_template_kwargs: _TemplateArguments | None = None
    cache_salt: str | None = None
    simulate: _Simulate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What will be answered: `thought_chunks` of the job's chunks are thoughts, `thoughts` its tokens of them."""

    key: str
    is_chat: bool
    streams: bool
    usage: Literal["none", "final", "null", "every"]
    reasoning: Literal["reasoning", "reasoning_content", "inline", "hidden"]
    job: Job
    thoughts: int
    thought_chunks: int
    finish_reason: str
    fault: Fault | None


def decode_body(body: bytes) -> Body:
    """Reads the body of a request.

    Raises:
        Refused: It is not JSON, or a member is of a wrong type.
    """
    try:
        return msgspec.json.decode(body, type=Body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(str(error)) from error


def asked_of(body: Body, *, endpoint: Endpoint, key: str, settings: Settings) -> Asked:
    """What a request asks for.

    Raises:
        Refused: As a real engine would.
    """
    if body.model is not None and body.model != settings.model:
        message = f"The model `{body.model[:128]}` does not exist."
        raise Refused(message, param="model", status=HTTPStatus.NOT_FOUND)
    if body.n not in {None, 1}:
        raise Refused("only n=1 is supported", param="n")
    is_chat = endpoint is Endpoint.CHAT
    tokens, prompt_tokens = _prompt(body, is_chat=is_chat, settings=settings)
    thoughts, output, finish_reason = _lengths(body, is_chat=is_chat, prompt=prompt_tokens, key=key, settings=settings)
    random = drawer(settings.seed, key, "chunks")
    thought_chunks = chunk_sizes(random, settings.chunking, thoughts, first=True)
    chunks = thought_chunks + chunk_sizes(random, settings.chunking, output, first=not thought_chunks)
    blocks: tuple[int, ...] = ()
    if settings.cache.enabled:
        blocks = block_hashes(tokens, salt=body.cache_salt or "", block_tokens=settings.cache.block_tokens)
    return Asked(
        key=key,
        is_chat=is_chat,
        streams=bool(body.stream),
        usage=_usage(body, settings),
        reasoning=_place_of_thoughts(body, settings) if is_chat else "inline",
        job=Job(key=key, prompt_tokens=prompt_tokens, chunks=tuple(chunks), blocks=blocks),
        thoughts=thoughts,
        thought_chunks=len(thought_chunks),
        finish_reason=finish_reason,
        fault=_fault(body, key, settings),
    )


def _prompt(body: Body, *, is_chat: bool, settings: Settings) -> tuple[list[Any], int]:
    """The tokens of the prompt, and how many they are with what the chat template adds."""
    if not is_chat:
        if body.prompt is None:
            raise Refused("Object missing required field `prompt`", param="prompt")
        tokens: list[Any] = token_texts(body.prompt) if isinstance(body.prompt, str) else list(body.prompt)
        return tokens, max(1, len(tokens))
    if not body.messages:
        raise Refused("expected at least one message", param="messages")
    words: list[Any] = []
    for message in body.messages:
        words.append(message.role)
        words += token_texts(_text(message))
    # The role stands for what the template adds.
    return words, max(1, len(words) + len(body.messages) * (settings.tokens_per_message - 1))


def _text(message: _Message) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    if any(part.type != "text" for part in message.content):
        raise Refused("this model reads text only", param="messages")
    return "".join(part.text for part in message.content)


def _lengths(body: Body, *, is_chat: bool, prompt: int, key: str, settings: Settings) -> tuple[int, int, str]:
    """The tokens of thoughts and of output, and why the answer ends."""
    room = settings.context_length - prompt
    asked = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
    most = room if asked is None else asked
    least = body.min_tokens or 0
    if most < 1 or most > room:
        raise Refused(
            f"This model's maximum context length is {settings.context_length} tokens. However, you requested {most} "
            f"output tokens and your prompt contains at least {prompt} input tokens.",
            param="max_tokens" if asked is not None else "messages",
        )
    if least > most:
        raise Refused(f"min_tokens must be less than or equal to max_tokens={most}, got {least}.", param="min_tokens")
    thoughts, output = natural_lengths(drawer(settings.seed, key, "lengths"), settings.lengths)
    thoughts = _limited_thoughts(body, thoughts) if is_chat else 0
    forced = bool(body.ignore_eos) and settings.wire.ignore_eos and asked is not None
    natural = max(thoughts + output, least, most if forced else 0)
    total = min(natural, most)
    thoughts = min(thoughts, total)
    return thoughts, total - thoughts, "length" if natural > most or forced or total == asked else "stop"


def _limited_thoughts(body: Body, natural: int) -> int:
    arguments = body.chat_template_kwargs or _TemplateArguments()
    if body.reasoning_effort == "none" or arguments.enable_thinking is False or arguments.thinking is False:
        return 0
    # Arguments are read by a processor alone.
    processed = body.custom_params.thinking_budget if body.custom_params and body.custom_logit_processor else None
    budgets = (body.thinking_token_budget, body.reasoning_budget, body.thinking_budget_tokens, processed)
    return min([natural, *(budget for budget in budgets if budget is not None)])


def _place_of_thoughts(body: Body, settings: Settings) -> Literal["reasoning", "reasoning_content", "inline", "hidden"]:
    place = settings.wire.reasoning
    if body.include_reasoning is False:
        return "hidden"
    if body.parse_reasoning is False:
        return "inline"
    if body.parse_reasoning and place == "inline":
        return "reasoning_content"
    return place


def _usage(body: Body, settings: Settings) -> Literal["none", "final", "null", "every"]:
    place = settings.wire.usage
    options = body.stream_options or _StreamOptions()
    if place in {"none", "every"}:
        return place
    if not options.include_usage:
        return "none"
    return "every" if options.continuous_usage_stats and settings.wire.continuous_usage else place


def _fault(body: Body, key: str, settings: Settings) -> Fault | None:
    if body.simulate is not None and body.simulate.fault is not None:
        return body.simulate.fault
    if not settings.faults:
        return None
    drawn = drawer(settings.seed, key, "fault").random()
    for candidate in settings.faults:
        if drawn < candidate.share:
            return candidate.fault
        drawn -= candidate.share
    return None
