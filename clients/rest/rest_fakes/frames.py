"""Frames of a stream, as the socket has them, held to the types of the package `openai`.

The package itself takes what it gets; here a member that is missing, or of another type than its own, is an error.
"""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent


def _by_name() -> Mapping[str, Any]:
    (union, *_) = get_args(ResponseStreamEvent)
    return {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in get_args(union)}


RESPONSE_EVENTS = _by_name()


def posted(url: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields name and data of each event of a streamed answer; the name is empty where the frame has none."""
    asked = urllib.request.Request(url, json.dumps(dict(body)).encode(), {"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(asked, timeout=60) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        name = ""
        for raw in answer:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, line.removeprefix("data: ")
                name = ""


def response_events(url: str, body: Mapping[str, Any]) -> list[Any]:
    """The events of a streamed response, each validated, with gap-free sequence numbers."""
    events: list[Any] = []
    for name, data in posted(f"{url}/v1/responses", {**body, "stream": True}):
        event = RESPONSE_EVENTS[name].model_validate_json(data, strict=True)
        assert event.type == name
        assert event.sequence_number == len(events)
        events.append(event)
    return events


def chunks(url: str, body: Mapping[str, Any]) -> list[ChatCompletionChunk]:
    """The chunks of a streamed completion, each validated; `[DONE]` must come last."""
    *frames, last = [data for _, data in posted(f"{url}/v1/chat/completions", {**body, "stream": True})]
    assert last == "[DONE]"
    return [ChatCompletionChunk.model_validate(json.loads(frame), strict=True) for frame in frames]
