"""Values that stand outside the file: keys in the environment or in files of their own, and certificates.

Rule: what an operator writes here by mistake may be the secret itself, so no value is ever shown, not even a name,
until it has led to a secret: then the secret says as its source where it is from.
"""

import hashlib
import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from triphase_server.config.fields import expected, surroundings, wrong
from triphase_server.config.kinds import HEADER_VALUE, VISIBLE_ASCII
from triphase_server.upstream.settings import Secret

_MOST_KEY_CHARACTERS = 16 * 1024


def _from_environment(name: object, info: ValidationInfo) -> Secret:
    return _key(_variable(name, info), place="the environment variable", source=f"environment variable {name}")


def _header_from_environment(name: object, info: ValidationInfo) -> Secret:
    value = _variable(name, info).strip()
    if not value or len(value) > _MOST_KEY_CHARACTERS or not HEADER_VALUE.fullmatch(value):
        limit = f"at most {_MOST_KEY_CHARACTERS} visible ASCII characters"
        raise wrong(f"expected a header's value of {limit}; the environment variable holds something else", show=False)
    return Secret(value)


def _variable(name: object, info: ValidationInfo) -> str:
    if not isinstance(name, str) or not name:
        raise wrong("expected the name of an environment variable that holds the secret", show=False)
    value = surroundings(info).environ.get(name)
    if value is None:
        raise wrong("expected the name of an environment variable that is set; this one is not", show=False)
    return value


def _from_file(name: object, info: ValidationInfo) -> Secret:
    if not isinstance(name, str) or not name:
        raise wrong("expected the path of a file that holds the key", show=False)
    try:
        with _path(name, info).open("rb") as file:
            data = file.read(_MOST_KEY_CHARACTERS + 1)
    except (OSError, ValueError) as error:
        raise _unreadable("a readable file that holds the key", error=error) from None
    return _key(data.decode("ascii", "replace"), place="the file", source=f"file {name}")


def _key(text: str, *, place: str, source: str) -> Secret:
    key = text.strip()
    if not key:
        raise wrong(f"expected a key; {place} is empty", show=False)
    if len(text) > _MOST_KEY_CHARACTERS or not VISIBLE_ASCII.fullmatch(key):
        limit = f"at most {_MOST_KEY_CHARACTERS} visible ASCII characters"
        raise wrong(f"expected a key of {limit}; {place} holds something else", show=False)
    return Secret(key, source=source)


def _other_key_source(key: Secret, info: ValidationInfo) -> Secret:
    if info.data.get("api_key_env") is not None:
        raise wrong("expected api_key_env or api_key_file; both are set", show=False)
    return key


def _ca_file(name: str, info: ValidationInfo) -> str:
    path = _path(name, info)
    if info.data.get("verify_tls") is False:
        raise wrong("expected no authorities where verify_tls is false; they would have no effect", show=False)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise _unreadable("a PEM file with certificates", error=error) from None
    return str(path)


def digest_of(ca_file: str) -> str:
    """Returns what changes with the content of a certificate file that was checked; empty where there is none."""
    try:
        return hashlib.sha256(Path(ca_file).read_bytes()).hexdigest() if ca_file else ""
    except OSError:
        return ""


def _path(name: str, info: ValidationInfo) -> Path:
    # As the operator reads it: from the place of the configuration file, wherever the gateway was started.
    return surroundings(info).folder / name


def _unreadable(what: str, *, error: Exception) -> PydanticCustomError:
    reason = "it holds none" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None) or "no valid path"
    return wrong(f"expected the path of {what}; {reason}", show=False)


_TEXT_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1})

HeaderSecret = Annotated[Secret, BeforeValidator(_header_from_environment), _TEXT_SCHEMA]
EnvironmentSecret = Annotated[Secret, BeforeValidator(_from_environment), _TEXT_SCHEMA]
FileSecret = Annotated[Secret, AfterValidator(_other_key_source), BeforeValidator(_from_file), _TEXT_SCHEMA]
CaFile = Annotated[
    str, Field(min_length=1), AfterValidator(_ca_file), expected("the path of a PEM file with certificates", show=False)
]
