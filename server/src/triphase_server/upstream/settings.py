"""How an upstream is reached, as frozen values: address, credentials, TLS, limits.

The rule: a secret shows nowhere by accident, so keys and headers are left out of every `repr`. Made by `config/` from
the configuration file; how long each step may take is the deployment's (`core/route.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MaxTokensField = Literal["max_tokens", "max_completion_tokens"]


class Secret:
    """A text that no `repr`, `str` or format shows; `source` says where it is from, for an operator to see."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, *, source: str = "") -> None:
        self._value = value
        self.source = source

    def reveal(self) -> str:
        """Returns the text itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """One upstream; `base_url` is what comes before `/chat/completions`, such as `http://127.0.0.1:8000/v1`.

    Attributes:
        name: The operator's name, unique; deployments refer to it.
        base_url: An `http` or `https` URL without user, query or fragment.
        api_key: Sent as `Authorization: Bearer`; empty = no such header.
        headers: Sent with each request; they win over the adapter's own.
        verify_tls: Whether the certificate is checked. Without it anyone on the way can read along.
        ca_file: Path of a PEM file of the authorities to trust; empty = those of the system.
        ca_digest: What tells apart what that file held when it was read, so that other authorities make other settings.
        max_connections: The most connections at once, which is the most requests in flight; 0 = no bound.
        keepalive_s: Seconds that an idle connection is kept. Less than the 5 s of common servers (uvicorn), so that it
            is we who close an idle connection and seldom they, just when we send.
        proxy: Whether the proxies of the environment are used; never for loopback.
        max_tokens_field: The field of the body that bounds output tokens.
    """

    name: str
    base_url: str = field(repr=False)
    api_key: Secret = field(default=Secret(""), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify_tls: bool = True
    ca_file: str = ""
    ca_digest: str = field(default="", repr=False)
    max_connections: int = 1000
    keepalive_s: float = 4.0
    proxy: bool = False
    max_tokens_field: MaxTokensField = "max_tokens"

    def is_same_server(self, other: "UpstreamSettings") -> bool:
        """Whether the same server answers, however it is asked: what was learned of it still holds."""
        return (self.base_url, self.proxy) == (other.base_url, other.proxy)
