"""Proves the image as far as that goes without a container engine: `python tools/check_image.py`, tox env `image`.

The linters and our own rules read the Dockerfile and compose.yaml; then the Dockerfile's steps are performed in a
folder (`image_steps.py`), and what they installed is started as the image and as compose.yaml start it, watched by
their own health checks, asked a question and stopped. Nothing may have been written by then (`image_run.py`).
Not proven: the base image, its user and its layers.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

from dockerfile import parse
from image_rules import compose_problems, dockerfile_problems, workspace_problems
from image_run import Command, Machine, image_commands, service_commands
from image_steps import Build, Image, read_ignore, virtual_environment

ROOT = Path(__file__).parent.parent
_QUESTION = ("triphase", "chat", "--prompt", "What is 47 + 38?")
_ANSWER = "47 + 38 = 85"
_LINTERS = (
    ("hadolint", "--failure-threshold", "style", "Dockerfile", "clients/rest/Dockerfile"),
    ("compose-lint", "check", "--no-env", "--fail-on", "high", "--quiet", "compose.yaml"),
    (
        "yamllint",
        "--strict",
        "--config-data",
        "{extends: relaxed, rules: {line-length: {max: 120}}}",
        "compose.yaml",
        "packaging",
    ),
)


def main() -> int:
    """Returns the exit code: 1 where a linter or a rule complains. What does not start or stop raises."""
    stages = parse((ROOT / "Dockerfile").read_text())
    compose = read_compose(ROOT / "compose.yaml")
    members = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    failed = [
        name for name, *arguments in _LINTERS if subprocess.run([name, *arguments], cwd=ROOT, check=False).returncode
    ]
    rules = [*dockerfile_problems(stages), *workspace_problems(stages, members), *compose_problems(compose)]
    problems = [*(f"{name} complains" for name in failed), *rules]
    if problems:
        sys.stdout.write("".join(f"{line}\n" for line in problems))
        return 1
    with tempfile.TemporaryDirectory(prefix="triphase-image-") as folder:
        Path(folder).chmod(0o755)
        ignore = read_ignore((ROOT / ".dockerignore").read_text())
        build = Build(context=ROOT, root=Path(folder).resolve() / "root", base=virtual_environment, ignore=ignore)
        image = build.perform(stages)
        _tell(f"the steps of the Dockerfile are done: {_megabytes(image)} MB at /opt")
        machine = Machine(image=image)
        _tell(f"what is installed is run {machine.confinement}")
        _prove(machine, [image_commands(stages[-1])], what="the image")
        services = [service_commands(name, compose["services"][name], stages[-1]) for name in ("engine", "gateway")]
        machine.mount(ROOT / "packaging/gateway", "/etc/triphase", hosts=("engine",))
        _prove(machine, services, what="compose.yaml")
    return 0


def read_compose(path: Path) -> dict[str, Any]:
    """Reads a compose file, merge keys resolved, and checks it against the specification; raises ValueError."""
    # Both are in the tox env alone: the type checker does not know them.
    document: dict[str, Any] = import_module("yaml").safe_load(path.read_text())
    rest = {name: value for name, value in document.items() if not name.startswith("x-")}
    import_module("compose_spec").PyCompose.from_json(json.dumps(rest)).validate()
    return document


def _prove(machine: Machine, commands: list[Command], *, what: str) -> None:
    before = machine.files()
    machine.expect_health(commands[-1], healthy=False)
    running = []
    try:
        for command in commands:
            running.append(machine.start(command))
            machine.await_health(command, running[-1])
        answer = machine.ask(_QUESTION)
        if _ANSWER not in answer:
            raise AssertionError(f"asked {_QUESTION[-1]}, got {answer!r}")
        for process in reversed(running):
            machine.stop(process)
    finally:
        for process in running:
            process.kill()
            process.wait()
    machine.expect_health(commands[-1], healthy=False)
    if changed := sorted(str(path) for path in before ^ machine.files()):
        raise AssertionError(f"{what} has written: {changed}")
    _tell(f"{what}: starts, is healthy, answers, stops on SIGTERM with exit code 0, and writes nothing")


def _megabytes(image: Image) -> int:
    return sum(path.lstat().st_size for path in (image.root / "opt").rglob("*")) // 1_000_000


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
