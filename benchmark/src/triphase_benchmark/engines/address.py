"""Where an engine is: its URL, taken apart.

Its rule: `/v1` belongs to the API and is added where it is missing, so that `http://host:8000` and
`http://host:8000/v1` are one engine. A URL holds no secret and no query.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443, "grpc": 50051}


class BadAddress(ValueError):
    """The URL is none, or none of an engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """`root`: the path before `/v1`, without a slash at its end. `scheme`: `http`, `https` or `grpc`."""

    scheme: str
    host: str
    port: int
    root: str

    @property
    def authority(self) -> str:
        """Host and port as a `Host` header and a gRPC target have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] and self.scheme != "grpc" else f"{host}:{self.port}"

    def api(self, path: str) -> str:
        """The path of something below `/v1`, such as `/models`."""
        return f"{self.root}/v1{path}"


def parse_address(url: str) -> Address:
    """Takes a URL apart. Raises BadAddress."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in _PORTS:
        raise BadAddress(f"{url!r} does not begin with http://, https:// or grpc://")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("a URL may hold no user and no password: name the variable of a key instead")
    if not parts.hostname or any(character <= " " for character in url):
        raise BadAddress(f"{url!r} names no host")
    if parts.query or parts.fragment or (parts.scheme == "grpc" and parts.path.strip("/")):
        raise BadAddress(f"{url!r} holds more than an engine's address")
    root = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return Address(scheme=parts.scheme, host=parts.hostname, port=port or _PORTS[parts.scheme], root=root)
