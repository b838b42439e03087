"""Our Dockerfile keeps our rules; each rule tells what breaks it, shown by breaking our Dockerfile at one place."""

import tomllib
from typing import Any

import pytest
from dockerfile import Stage, parse
from docs_examples import ROOT
from image_rules import compose_problems, dockerfile_problems, workspace_problems
from image_steps import is_ignored, read_ignore

OURS = (ROOT / "Dockerfile").read_text()
MEMBERS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
SERVICE: dict[str, Any] = {
    "image": "prom/prometheus:v3.8.1",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "mem_limit": "1g",
    "cpus": 1.0,
    "pids_limit": 64,
    "networks": ["back"],
    "user": "10001:10001",
    "healthcheck": {"test": ["CMD", "true"], "interval": "1s", "timeout": "1s", "retries": 3},
    "stop_grace_period": "10s",
}


def stages(old: str = "", new: str = "") -> list[Stage]:
    assert old in OURS
    return parse(OURS.replace(old, new) if old else OURS)


def test_our_dockerfile_keeps_the_rules() -> None:
    assert dockerfile_problems(stages()) == []
    assert list(workspace_problems(stages(), MEMBERS)) == []


def test_the_dockerfile_of_the_shim_keeps_the_rules_and_its_context_sends_no_more_than_it_copies() -> None:
    shim = parse((ROOT / "clients/rest/Dockerfile").read_text())
    assert dockerfile_problems(shim) == []
    patterns = read_ignore((ROOT / "clients/.dockerignore").read_text())
    copied = [word for stage in shim for one in stage.each("COPY") if not one.flags for word in one.words[:-1]]
    files = [word for word in copied if (ROOT / "clients" / word).is_file()]
    assert [
        path for path in (*files, "rest/cmd/triphase-rest/main.go", "go/client.go") if is_ignored(path, patterns)
    ] == []
    for path in ("python/pyproject.toml", "rest/e2e/package.json", "go/client_test.go", "typescript/package.json"):
        assert is_ignored(path, patterns), path


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("python:3.13.12-slim-trixie\n", "python:latest\n", "python:latest is not pinned"),
        ("python:3.13.12-slim-trixie\n", "python:3-slim\n", "python:3-slim is not pinned"),
        ("uv==0.13.9", "uv", "uv is not pinned"),
        ("pip install --no-cache-dir", "pip install", "pip leaves a cache"),
        ("uv sync --locked --no-dev --no-editable", "uv sync --no-dev --no-editable", "lacks --locked"),
        ("COPY model/src", "ADD https://x.example/y model/src", "ADD fetches and unpacks"),
        ("COPY model/src model/src", "COPY . .", "COPY takes everything"),
        ("PYTHONUNBUFFERED=1", "API_KEY=1", "gateway: API_KEY looks like a secret"),
        ("USER 10001:10001", "USER 10001:10001\nRUN true", "the last stage runs something"),
        ("COPY --from=build --chown=0:0", "COPY --chown=0:0", "the last stage copies from outside"),
        ("COPY --from=build --chown=0:0", "COPY --from=build", "--chown=0:0, so that"),
        ("USER 10001:10001", "USER triphase", "USER uid:gid"),
        ("USER 10001:10001", "USER 10001:10001\nUSER 0:0", "USER uid:gid"),
        ("HEALTHCHECK", "LABEL a=b\n#", "lacks HEALTHCHECK"),
        ("EXPOSE 50051 9464", "", "lacks EXPOSE"),
        ('ENTRYPOINT ["triphase-server"]', "ENTRYPOINT triphase-server", "ENTRYPOINT is to be in the JSON form"),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "STOPSIGNAL is to be SIGTERM"),
    ],
)
def test_what_breaks_a_rule_is_told(old: str, new: str, problem: str) -> None:
    broken = (
        stages(old, new) if old != "HEALTHCHECK" else parse(OURS[: OURS.index(old)] + OURS[OURS.index("ENTRYPOINT") :])
    )
    assert any(problem in line for line in dockerfile_problems(broken)), dockerfile_problems(broken)


def test_a_member_of_the_workspace_that_is_forgotten_is_told() -> None:
    forgotten = ["tool/pyproject.toml is not copied", "tool/README.md is not copied"]
    assert list(workspace_problems(stages(), [*MEMBERS, "tool"])) == forgotten


def test_what_is_copied_is_not_ignored_and_nothing_else_is_sent() -> None:
    patterns = read_ignore((ROOT / ".dockerignore").read_text())
    copied = [word for stage in stages() for one in stage.each("COPY") if not one.flags for word in one.words[:-1]]
    assert [path for path in copied if is_ignored(path, patterns)] == []
    for path in (".git/config", ".env", "server/tests/x.py", "server/src/x/__pycache__/y.pyc", "Dockerfile"):
        assert is_ignored(path, patterns), path


def test_a_service_that_keeps_the_rules_passes() -> None:
    assert compose_problems({"services": {"a": SERVICE}}) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"image": "prom/prometheus"}, "a: image 'prom/prometheus' is not pinned"),
        ({"image": "prom/prometheus:v3"}, "a: image 'prom/prometheus:v3' is not pinned"),
        ({"read_only": False}, "a: read_only is not true"),
        ({"cap_drop": []}, "a: cap_drop is not [ALL]"),
        ({"security_opt": []}, "a: security_opt lacks no-new-privileges:true"),
        ({"privileged": True}, "a: privileged is set"),
        ({"cap_add": ["SYS_ADMIN"]}, "a: cap_add is set"),
        ({"tmpfs": ["/tmp"]}, "a: tmpfs /tmp has no size"),
        ({"user": "root"}, "a: user is to be uid:gid"),
        ({"healthcheck": {}}, "a: healthcheck lacks test"),
        ({"ports": ["50051:50051"]}, "a: port 50051:50051 is published to others"),
        ({"volumes": ["./x:/x"]}, "a: volume ./x:/x can be written"),
        ({"volumes": ["/var/run/docker.sock:/s:ro"]}, "gives away the machine"),
        ({"environment": {"VLLM_API_KEY": "x"}}, "a: environment VLLM_API_KEY looks like a secret"),
        ({"environment": ["TOKEN=x"]}, "a: environment TOKEN looks like a secret"),
        ({"command": ["--api-key", "x"]}, "a: command option --api-key looks like a secret"),
    ],
)
def test_what_a_service_does_against_the_rules_is_told(changed: dict[str, Any], problem: str) -> None:
    problems = compose_problems({"services": {"a": SERVICE | changed}})
    assert any(problem in line for line in problems), problems


@pytest.mark.parametrize("key", ["mem_limit", "cpus", "pids_limit", "networks", "stop_grace_period"])
def test_what_a_service_lacks_is_told(key: str) -> None:
    service = {name: value for name, value in SERVICE.items() if name != key}
    assert compose_problems({"services": {"a": service}}) == [f"a: {key} is missing"]
