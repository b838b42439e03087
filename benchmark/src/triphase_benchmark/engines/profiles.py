"""What is particular about each kind of engine: one row for each.

Its rule: whatever differs between engines is a value here, never a branch elsewhere. A length is fixed by saying it as
the least and the most at once, on all sides alike; `ignore_eos` only where an engine has no least. Thoughts are read
under every name that is known, since engines rename that field from version to version; what is here are members that
make an engine show them. Facts are those of the engines' own documents; what an engine really does, its probe tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one kind of engine is asked.

    `most`, `least`: the members that bound the output's tokens; `least` is `None` where nothing makes it give so many,
    unless `members_of_length` do, which are sent whenever a length is fixed. `stream_options`: what makes the engine
    tell usage. `body`: members of every request. `cache_salt`: the member that parts prefix caches. `cache_reset`: the
    path that empties the cache, by POST. `versions`: where the engine tells its version, the newest way first: paths
    below the server's root (not below `/v1`), each with the member of the JSON that is answered; empty where no such
    path is known, so that the version is unknown on purpose.
    """

    name: str
    most: str = "max_tokens"
    least: str | None = "min_tokens"
    members_of_length: Mapping[str, Any] = field(default_factory=dict)
    stream_options: Mapping[str, bool] = field(default_factory=lambda: {"include_usage": True})
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cache_salt: str | None = None
    cache_reset: str | None = None
    versions: tuple[tuple[str, str], ...] = ()

    @property
    def holds_length(self) -> bool:
        """Whether it can be made to give a number of tokens, no fewer and no more."""
        return self.least is not None or bool(self.members_of_length)


_CONTINUOUS = {"include_usage": True, "continuous_usage_stats": True}
# Without `parse_reasoning` the default varies by endpoint, and without `include_reasoning` TTFT would be TTFA.
_FRIENDLI = Profile(name="friendli-container", body={"parse_reasoning": True, "include_reasoning": True})

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(name="generic"),
        # It refuses members that it does not know, and has none for a least length.
        Profile(name="openai", most="max_completion_tokens", least=None),
        Profile(
            name="vllm",
            stream_options=_CONTINUOUS,
            cache_salt="cache_salt",
            cache_reset="/reset_prefix_cache",
            versions=(("/version", "version"),),
        ),
        _FRIENDLI,
        replace(_FRIENDLI, name="friendli-dedicated"),
        replace(_FRIENDLI, name="friendli-serverless"),
        Profile(
            name="sglang",
            cache_reset="/flush_cache",
            versions=(("/server_info", "version"), ("/get_server_info", "version")),
        ),
        # It has no least length.
        Profile(
            name="llama.cpp",
            least=None,
            members_of_length={"ignore_eos": True},
            versions=(("/props", "build_info"),),
        ),
    )
}

ALIASES: Mapping[str, str] = {"friendli": "friendli-container", "llamacpp": "llama.cpp", "llama-cpp": "llama.cpp"}


def find_profile(name: str) -> Profile | None:
    """Returns the profile of that name, or of the name that it is another word for; `None`: there is none."""
    return PROFILES.get(ALIASES.get(name, name))
