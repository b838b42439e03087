"""What we ask of the Dockerfile and of compose.yaml beyond what their linters know: values in, lines out.

Rule: each rule is a function that yields what is wrong, and stands in one of the two tables. The linters themselves run
in the tox env `image`, and the reader of Dockerfiles is `dockerfile.py`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from dockerfile import Stage

_PINNED = re.compile(r"[\w./-]+:v?\d+(\.\d+)+([-.\w]*)?(@sha256:[0-9a-f]{64})?")
_SECRET = re.compile(r"(?i)key|token|secret|passw|credential")
_REFUSED_MODES = ("privileged", "network_mode", "pid", "ipc", "userns_mode", "devices", "cap_add")

Service = Mapping[str, Any]


def dockerfile_problems(stages: Sequence[Stage]) -> list[str]:
    """Lists what the image's recipe does against our rules."""
    return [problem for rule in DOCKERFILE_RULES for problem in rule(stages)]


def compose_problems(document: Mapping[str, Any]) -> list[str]:
    """Lists what a compose file, merge keys resolved, does against our rules."""
    services: Mapping[str, Service] = document.get("services", {})
    return [f"{name}: {p}" for name, service in services.items() for rule in COMPOSE_RULES for p in rule(service)]


def workspace_problems(stages: Sequence[Stage], members: Sequence[str]) -> Iterator[str]:
    """Yields the members of the workspace that the recipe forgets: uv refuses to read a lock without them."""
    copied = {source for stage in stages for one in stage.each("COPY") for source in one.words[:-1]}
    for member in members:
        needed = (f"{member}/pyproject.toml", f"{member}/README.md")
        yield from (f"{path} is not copied" for path in needed if path not in copied)


def _bases_are_pinned(stages: Sequence[Stage]) -> Iterator[str]:
    names = {"scratch", *(stage.name for stage in stages)}  # that one is empty
    for stage in stages:
        if stage.base not in names and not _PINNED.fullmatch(stage.base):
            yield f"line {stage.line}: {stage.base} is not pinned to a full version"


def _installers_are_pinned(stages: Sequence[Stage]) -> Iterator[str]:
    for one in (one for stage in stages for one in stage.each("RUN")):
        words = one.words
        if words[:2] == ("pip", "install"):
            wanted = [word for word in words[2:] if not word.startswith("-")]
            yield from (f"line {one.line}: {word} is not pinned" for word in wanted if "==" not in word)
            if "--no-cache-dir" not in words:
                yield f"line {one.line}: pip leaves a cache"
        elif words[:2] == ("uv", "sync"):
            yield from (f"line {one.line}: lacks {flag}" for flag in ("--locked", "--no-dev") if flag not in words)


def _nothing_is_fetched_by_add(stages: Sequence[Stage]) -> Iterator[str]:
    yield from (f"line {one.line}: ADD fetches and unpacks; use COPY" for s in stages for one in s.each("ADD"))


def _copies_name_what_they_take(stages: Sequence[Stage]) -> Iterator[str]:
    for one in (one for stage in stages for one in stage.each("COPY")):
        if any(source in {".", "./", "*"} for source in one.words[:-1]):
            yield f"line {one.line}: COPY takes everything"


def _no_secret_is_in_the_environment(stages: Sequence[Stage]) -> Iterator[str]:
    for stage in stages:
        yield from (f"{stage.name}: {name} looks like a secret" for name in stage.environment if _SECRET.search(name))


def _last_stage_only_copies(stages: Sequence[Stage]) -> Iterator[str]:
    yield from (f"line {one.line}: the last stage runs something" for one in stages[-1].each("RUN"))
    for one in stages[-1].each("COPY"):
        if "from" not in one.flags:
            yield f"line {one.line}: the last stage copies from outside"
        if one.flags.get("chown") != "0:0":
            yield f"line {one.line}: --chown=0:0, so that the user cannot change the code"


def _user_is_a_number_and_not_root(stages: Sequence[Stage]) -> Iterator[str]:
    user = stages[-1].last("USER")
    if user is None or not re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user.argument):
        yield "the last stage needs USER uid:gid, both numbers of at least 1000"


def _can_be_run_and_watched(stages: Sequence[Stage]) -> Iterator[str]:
    last = stages[-1]
    yield from (f"the last stage lacks {word}" for word in ("HEALTHCHECK", "EXPOSE", "CMD") if last.last(word) is None)
    for word in ("ENTRYPOINT", "CMD"):
        one = last.last(word)
        if one is None or not one.argument.startswith("["):
            yield f"{word} is to be in the JSON form, or a shell would take the signals"
    stop = last.last("STOPSIGNAL")
    if stop is None or stop.argument != "SIGTERM":
        yield "STOPSIGNAL is to be SIGTERM, which begins the drain"


def _image_is_pinned(service: Service) -> Iterator[str]:
    if not _PINNED.fullmatch(str(service.get("image", ""))):
        yield f"image {service.get('image')!r} is not pinned to a full version"


def _is_confined(service: Service) -> Iterator[str]:
    if service.get("read_only") is not True:
        yield "read_only is not true"
    if service.get("cap_drop") != ["ALL"]:
        yield "cap_drop is not [ALL]"
    if "no-new-privileges:true" not in service.get("security_opt", ()):
        yield "security_opt lacks no-new-privileges:true"
    yield from (f"{key} is set" for key in _REFUSED_MODES if service.get(key))


def _is_bounded(service: Service) -> Iterator[str]:
    yield from (f"{key} is missing" for key in ("mem_limit", "cpus", "pids_limit", "networks") if key not in service)
    yield from (f"tmpfs {one} has no size" for one in service.get("tmpfs", ()) if "size=" not in one)


def _is_not_root(service: Service) -> Iterator[str]:
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user", ""))):
        yield "user is to be uid:gid, both numbers and not 0"


def _is_watched(service: Service) -> Iterator[str]:
    check = service.get("healthcheck", {})
    yield from (f"healthcheck lacks {key}" for key in ("test", "interval", "timeout", "retries") if key not in check)
    if "stop_grace_period" not in service:
        yield "stop_grace_period is missing"


def _ports_are_loopback(service: Service) -> Iterator[str]:
    for port in service.get("ports", ()):
        if not str(port).startswith("127.0.0.1:"):
            yield f"port {port} is published to others"


def _mounts_cannot_be_written(service: Service) -> Iterator[str]:
    for volume in service.get("volumes", ()):
        if str(volume).startswith((".", "/")) and not str(volume).endswith(":ro"):
            yield f"volume {volume} can be written"
        if "docker.sock" in str(volume):
            yield f"volume {volume} gives away the machine"


def _holds_no_secret(service: Service) -> Iterator[str]:
    environment = service.get("environment", {})
    names = environment if isinstance(environment, Mapping) else [str(one).partition("=")[0] for one in environment]
    yield from (f"environment {name} looks like a secret" for name in names if _SECRET.search(name))
    words = [str(word) for word in service.get("command", ())]
    yield from (f"command option {a} looks like a secret" for a, _ in pairwise(words) if _SECRET.search(a))


DOCKERFILE_RULES: tuple[Callable[[Sequence[Stage]], Iterator[str]], ...] = (
    _bases_are_pinned,
    _installers_are_pinned,
    _nothing_is_fetched_by_add,
    _copies_name_what_they_take,
    _no_secret_is_in_the_environment,
    _last_stage_only_copies,
    _user_is_a_number_and_not_root,
    _can_be_run_and_watched,
)
COMPOSE_RULES: tuple[Callable[[Service], Iterator[str]], ...] = (
    _image_is_pinned,
    _is_confined,
    _is_bounded,
    _is_not_root,
    _is_watched,
    _ports_are_loopback,
    _mounts_cannot_be_written,
    _holds_no_secret,
)
