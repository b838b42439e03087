"""A prompt as one engine takes it: the JSON of `/chat/completions`.

Its rule: pure, and the same members in the same order for the same arguments, so that two engines of one profile get
the same bytes. What a prompt brings itself (`extra_body`) adds to the members, and replaces none that says what is
measured: those are `RESERVED`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from triphase_benchmark.engines.profiles import Profile

RESERVED = frozenset({"model", "messages", "stream", "stream_options", "n"})


class ReservedMember(ValueError):
    """A prompt's `extra_body` sets a member that the benchmark sets itself."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"a prompt may not set {', '.join(names)}: the benchmark does")


def length_members(profile: Profile, tokens: int | None) -> dict[str, Any]:
    """The members that fix the output's length; none where it is the model's own choice."""
    if tokens is None:
        return {}
    least = {} if profile.least is None else {profile.least: tokens}
    return {profile.most: tokens, **least, **profile.members_of_length}


def chat_body(
    turns: Sequence[tuple[str, str]],
    *,
    profile: Profile,
    model: str,
    output_tokens: int | None = None,
    extra_body: Mapping[str, Any] | None = None,
    streams: bool = True,
    cache_salt: str | None = None,
) -> bytes:
    """Encodes one request.

    Args:
        turns: Role and content of each message, oldest first.
        profile: How the engine is asked.
        model: What the engine calls the model.
        output_tokens: How many it is made to give; `None` = as many as it likes.
        extra_body: Members that the prompt brings.
        streams: Whether it is answered chunk by chunk.
        cache_salt: Parts this request from all with another salt, where the engine can do so.

    Raises:
        ReservedMember: The prompt sets what it must not.
    """
    extra: Mapping[str, Any] = extra_body or {}
    if taken := sorted(RESERVED & extra.keys()):
        raise ReservedMember(taken)
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": role, "content": content} for role, content in turns],
        **profile.body,
        **length_members(profile, output_tokens),
        **extra,
        "stream": streams,
    }
    if streams and profile.stream_options:
        body["stream_options"] = dict(profile.stream_options)
    if cache_salt is not None and profile.cache_salt is not None:
        body[profile.cache_salt] = cache_salt
    return msgspec.json.encode(body)
