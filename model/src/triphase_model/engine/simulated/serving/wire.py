"""The bytes of an answer: events of a stream, or one body, in the shape that the settings ask for.

Its rule: what all chunks of an answer share is encoded once; a chunk is put together of three pieces. When they are
sent is `answer.py`, how HTTP frames them `connection.py`.
"""

from typing import Any, Final

import msgspec

from triphase_model.engine.simulated.serving.request import Asked
from triphase_model.engine.simulated.serving.settings import Wire
from triphase_model.engine.simulated.serving.wording import Wording

COMMENT: Final = b": simulated"
_OPEN: Final = b"<think>\\n"
_CLOSE: Final = b"\\n</think>\\n\\n"
_PLACEHOLDER: Final = b"@@"


class EventShape:
    """The events of one stream. Channels are told by `thought`; `made` counts tokens so far."""

    def __init__(self, wire: Wire, asked: Asked, *, answer_id: str, created: int, model: str) -> None:
        self._wire = wire
        self._asked = asked
        self._kind = "chat.completion" if asked.is_chat else "text_completion"
        self._head = {"id": answer_id, "created": created, "model": model}
        self._end = b"\r\n\r\n" if wire.line_end == "crlf" else b"\n\n"
        self._words = Wording(asked.key, unicode=wire.unicode)
        self._output = self._halves({"content": "@@"})
        field = "content" if asked.reasoning in {"inline", "hidden"} else asked.reasoning
        self._thoughts = self._halves({field: "@@"})
        self._prompt = asked.job.prompt_tokens

    def role(self) -> bytes:
        """The chunk that names the role and nothing else."""
        content = None if self._wire.empty_content == "null" else ""
        return self._event({"role": "assistant", "content": content}, made=0)

    def text(self, index: int, begin: int, end: int) -> bytes:
        """The chunk of the tokens from `begin` to before `end`, the job's `index`-th; empty for hidden thoughts."""
        asked = self._asked
        thought = index < asked.thought_chunks
        if thought and asked.reasoning == "hidden":
            return b""
        before, after = self._thoughts if thought else self._output
        text = self._words.tokens(begin, end)
        if asked.reasoning == "inline" and asked.thought_chunks:
            text = (_OPEN if index == 0 else _CLOSE if index == asked.thought_chunks else b"") + text
        if self._wire.role == "joined" and asked.is_chat and self._is_first_seen(index):
            before = before.replace(b'"delta":{', b'"delta":{"role":"assistant",', 1)
        if asked.usage == "every":
            return b"".join((before, text, after, b',"usage":', self._counts(end, cached=0), b"}", self._end))
        return b"".join((before, text, after, self._null_usage, b"}", self._end))

    def finish(self, *, made: int) -> bytes:
        """The chunk that says why the answer ended."""
        return self._event({"content": ""}, made=made, finish_reason=self._asked.finish_reason)

    def usage(self, *, made: int, cached: int) -> bytes:
        """The chunk with the counts and no choice; empty where none is asked for."""
        if self._asked.usage == "none":
            return b""
        body = {**self._envelope(".chunk"), "choices": [], "usage": msgspec.Raw(self._counts(made, cached=cached))}
        return b"data: " + msgspec.json.encode(body) + self._end

    def done(self) -> bytes:
        """The end mark, if it comes."""
        return b"data: [DONE]" + self._end if self._wire.done else b""

    def comment(self) -> bytes:
        """A line that says nothing."""
        return COMMENT + self._end

    def whole(self, *, cached: int) -> bytes:
        """The answer as one body."""
        asked = self._asked
        made, thoughts = asked.job.output_tokens, asked.thoughts
        texts = self._words.tokens(0, thoughts), self._words.tokens(thoughts, made)
        choice: dict[str, Any] = {"index": 0, "finish_reason": asked.finish_reason}
        if asked.is_chat:
            choice["message"] = {"role": "assistant", **self._message(*(text.decode() for text in texts))}
        else:
            choice["text"] = texts[1].decode()
        body: dict[str, Any] = {**self._envelope(""), "choices": [choice]}
        if self._wire.usage != "none":
            body["usage"] = msgspec.Raw(self._counts(made, cached=cached))
        return msgspec.json.encode(body)

    def _message(self, thoughts: str, output: str) -> dict[str, str]:
        match self._asked.reasoning:
            case "hidden":
                return {"content": output}
            case "inline" if thoughts:
                # Thoughts that were cut off have no end mark.
                return {"content": f"<think>\n{thoughts}" + (f"\n</think>\n\n{output}" if output else "")}
            case "inline":
                return {"content": output}
            case field:
                return {field: thoughts, "content": output} if thoughts else {"content": output}

    def _is_first_seen(self, index: int) -> bool:
        return index == (self._asked.thought_chunks if self._asked.reasoning == "hidden" else 0)

    @property
    def _null_usage(self) -> bytes:
        return b',"usage":null' if self._asked.usage == "null" else b""

    def _event(self, delta: dict[str, Any], *, made: int, finish_reason: str | None = None) -> bytes:
        body = msgspec.json.encode({**self._envelope(".chunk"), "choices": [self._choice(delta, finish_reason)]})
        more = self._null_usage
        if self._asked.usage == "every":
            more = b',"usage":' + self._counts(made, cached=0)
        return b"data: " + body[:-1] + more + b"}" + self._end

    def _halves(self, delta: dict[str, str]) -> tuple[bytes, bytes]:
        """What stands before and after the text of a chunk, without the usage and the last brace."""
        body = msgspec.json.encode({**self._envelope(".chunk"), "choices": [self._choice(delta, None)]})
        before, _, after = body.rpartition(_PLACEHOLDER)
        return b"data: " + before, after[:-1]

    def _choice(self, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        said = {"delta": delta} if self._asked.is_chat else {"text": delta.get("content") or ""}
        return {"index": 0, **said, "finish_reason": finish_reason}

    def _envelope(self, suffix: str) -> dict[str, Any]:
        kind = self._kind + (suffix if self._asked.is_chat else "")
        return {"id": self._head["id"], "object": kind, "created": self._head["created"], "model": self._head["model"]}

    def _counts(self, made: int, *, cached: int) -> bytes:
        counts = b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d' % (
            self._prompt,
            made,
            self._prompt + made,
        )
        if self._wire.cached_details and cached:
            counts += b',"prompt_tokens_details":{"cached_tokens":%d}' % cached
        if self._wire.reasoning_details:
            counts += b',"completion_tokens_details":{"reasoning_tokens":%d}' % min(made, self._asked.thoughts)
        return counts + b"}"
