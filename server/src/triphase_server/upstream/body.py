"""The JSON body of a `/chat/completions` request, made from what the caller asks and the operator configures.

Who wins where two set the same field, lowest first: the deployment's `extra_body`, the request's own fields, the
request's `extra_body`, the fields of the reasoning plan; objects merge key by key. Whatever they hold, the fields
that the gateway lives by are its own. Messages and tools are in `messages.py`; what a valid request is, in
`rpc/requests.py`.
"""

from collections.abc import Mapping
from typing import assert_never

import msgspec

from triphase_server.core.request import (
    GenerationRequest,
    JsonObject,
    JsonSchema,
    NamedTool,
    Sampling,
    ToolChoiceMode,
)
from triphase_server.core.route import Deployment
from triphase_server.upstream.messages import Json, message_json, raw_object, tool_json
from triphase_server.upstream.settings import MaxTokensField

# No `extra_body` sets these: they decide what is asked, of whom, and how the answer is read.
RESERVED_FIELDS = frozenset({"model", "messages", "n", "stream"})

# vLLM asks here also for usage on every chunk, so that an `extra_body` may add to it, but not take away.
_STREAM_OPTIONS: Json = {"include_usage": True}

_encoder = msgspec.json.Encoder()  # writes NaN and infinities as null


def encode_body(
    request: GenerationRequest,
    *,
    deployment: Deployment,
    reasoning_body: Mapping[str, object],
    max_tokens_field: MaxTokensField = "max_tokens",
) -> bytes:
    """Returns the body as UTF-8 JSON; raises InternalError where the text of a schema is not a JSON object."""
    return encoded(
        body_of(request, deployment=deployment, reasoning_body=reasoning_body, max_tokens_field=max_tokens_field)
    )


def encoded(body: Json) -> bytes:
    """Returns a body as UTF-8 JSON."""
    return _encoder.encode(body)


def body_of(
    request: GenerationRequest,
    *,
    deployment: Deployment,
    reasoning_body: Mapping[str, object],
    max_tokens_field: MaxTokensField = "max_tokens",
) -> Json:
    """Returns the body as values, of which schemas are JSON text; raises what `encode_body` raises."""
    free: Json = {}
    # The plan comes last: what is reported of the effort must be what the engine is told.
    layers = (deployment.extra_body, _own_fields(request, max_tokens_field), request.extra_body, reasoning_body)
    for layer in layers:
        merge(free, layer)
    merge(free, {"stream_options": _STREAM_OPTIONS})
    body: Json = {
        "model": deployment.model,
        "messages": [
            message_json(m, reasoning_field=_reasoning_field(deployment), rules=deployment.messages)
            for m in request.messages
        ],
        "stream": True,
    }
    body.update((name, value) for name, value in free.items() if name not in RESERVED_FIELDS)
    return body


def merge(target: Json, source: Mapping[str, object]) -> None:
    """Puts fields over those of `target`; objects merge key by key."""
    # `target` is always ours: an object that stood in a layer is copied before anything is put into it.
    for name, value in source.items():
        present = target.get(name)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            merged: Json = dict(present)
            merge(merged, value)
            target[name] = merged
        else:
            target[name] = value


def _reasoning_field(deployment: Deployment) -> str:
    # An engine takes thoughts back under the name by which it gives them.
    fields = deployment.detection.fields
    return fields[0] if fields else "reasoning_content"


def _own_fields(request: GenerationRequest, max_tokens_field: MaxTokensField) -> Json:
    own = _sampling_fields(request.sampling)
    if request.tools:
        own["tools"] = [tool_json(tool) for tool in request.tools]
    if request.tool_choice is not None:
        own["tool_choice"] = _tool_choice(request.tool_choice)
    if request.response_format is not None:
        own["response_format"] = _response_format(request.response_format)
    if request.stop:
        own["stop"] = list(request.stop)
    if request.max_output_tokens:
        own[max_tokens_field] = request.max_output_tokens
    return own


_SAMPLING_FIELDS = tuple(Sampling.__dataclass_fields__)


def _sampling_fields(sampling: Sampling) -> Json:
    values = ((name, getattr(sampling, name)) for name in _SAMPLING_FIELDS)
    return {name: value for name, value in values if value is not None}


def _tool_choice(choice: ToolChoiceMode | NamedTool) -> object:
    match choice:
        case ToolChoiceMode():
            return choice.value
        case NamedTool(name=name):
            return {"type": "function", "function": {"name": name}}
        case _:
            assert_never(choice)


def _response_format(form: JsonObject | JsonSchema) -> Json:
    match form:
        case JsonObject():
            return {"type": "json_object"}
        case JsonSchema(name=name, schema=schema, description=description, strict=strict):
            inner: Json = {"name": name}
            if description:
                inner["description"] = description
            inner["schema"] = raw_object(schema)
            if strict is not None:
                inner["strict"] = strict
            return {"type": "json_schema", "json_schema": inner}
        case _:
            assert_never(form)
