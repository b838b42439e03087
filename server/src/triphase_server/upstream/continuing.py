"""The body that has an engine go on with an answer: a prompt of text, or a message that is not finished.

The rule: what shapes the text (sampling, stop sequences, the operator's fields) is the same as for the whole answer; a
least number of tokens is less what came already; what only a chat has is left out of a prompt, since engines differ in
what they make of it there. The bodies of whole answers are `body.py`.
"""

from collections.abc import Mapping

from triphase_server.core.enforcement import Continuation, Way
from triphase_server.core.request import GenerationRequest
from triphase_server.core.route import Deployment
from triphase_server.upstream.body import RESERVED_FIELDS, body_of, encoded, merge
from triphase_server.upstream.messages import Json
from triphase_server.upstream.pool import Endpoint
from triphase_server.upstream.settings import MaxTokensField

# What `/completions` does not know: of OpenAI's API, and of the engines' own fields for thoughts and templates.
_OF_CHATS_ALONE = frozenset(
    {
        "add_generation_prompt", "chat_template", "chat_template_kwargs", "continue_final_message", "documents",
        "include_reasoning", "logprobs", "max_completion_tokens", "messages", "parallel_tool_calls", "parse_reasoning",
        "reasoning", "reasoning_budget", "reasoning_budget_tokens", "reasoning_effort", "reasoning_format",
        "response_format", "separate_reasoning", "stream_reasoning", "thinking_budget_tokens", "thinking_token_budget",
        "tool_choice", "tools", "top_logprobs",
    }
)  # fmt: skip

_LEAST_TOKENS = "min_tokens"


def continuation_of(
    request: GenerationRequest,
    *,
    deployment: Deployment,
    reasoning_body: Mapping[str, object],
    continuation: Continuation,
    max_tokens_field: MaxTokensField,
) -> tuple[Endpoint, bytes]:
    """Returns where the engine is asked to go on, and the body; only for a deployment with enforcement."""
    enforcement = deployment.enforcement
    assert enforcement is not None
    body = body_of(request, deployment=deployment, reasoning_body=reasoning_body, max_tokens_field=max_tokens_field)
    own = {name: value for name, value in enforcement.body.items() if name not in RESERVED_FIELDS}
    if enforcement.way is Way.PREFILL:
        messages = body["messages"]
        assert isinstance(messages, list)
        unfinished: Json = {"role": "assistant", "content": continuation.written}
        body["messages"] = [*messages, unfinished]
        merge(body, _at_least(body, continuation) | own)
        body |= {"add_generation_prompt": False, "continue_final_message": True}
        body[max_tokens_field] = continuation.max_tokens
        return Endpoint.CHAT, encoded(body)
    body = {name: value for name, value in body.items() if name not in _OF_CHATS_ALONE | set(reasoning_body)}
    merge(body, _at_least(body, continuation) | own)
    body |= {"prompt": continuation.prompt, "max_tokens": continuation.max_tokens}
    return Endpoint.COMPLETIONS, encoded(body)


def _at_least(body: Json, continuation: Continuation) -> Json:
    """Returns what is left of the least number of tokens that a body asks for; engines refuse more than the most."""
    least = body.get(_LEAST_TOKENS)
    if not isinstance(least, int):
        return {}
    return {_LEAST_TOKENS: min(max(least - continuation.delivered, 0), continuation.max_tokens)}
