"""Builds the projects of docs/other-languages.md as they stand there: `python tools/check_languages.py [LANGUAGE …]`.

A fence whose info string has `file=PATH` is a file of the project that the first folder of PATH names. A project whose
toolchain is missing is skipped with a notice; in CI that is a failure, except for C++, which needs system libraries.
Where TRIPHASE_GATEWAY names a gateway, each program asks it, too. The tox env `languages` brings the protoc for Rust.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from docs_examples import ROOT, fences
from toolchains import missing, verdict

PAGE = ROOT / "docs/other-languages.md"
ANSWER = "47 + 38 = 85"
BUILD_TIMEOUT_S = 1200.0  # the first build fetches and compiles all that the project uses
RUN_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How a project is built and run, in its folder; `programs` are what that needs, `{gateway}` is an address."""

    programs: tuple[str, ...]
    build: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]
    required: bool = True


LANGUAGES = {
    "java": Language(
        programs=("java", "mvn"),
        build=(("mvn", "--batch-mode", "--quiet", "package"),),
        run=("mvn", "--batch-mode", "--quiet", "exec:java", "-Dexec.args={gateway}"),
    ),
    "rust": Language(
        programs=("cargo", "rustc"),
        build=(("cargo", "build", "--quiet"),),
        run=("target/debug/ask", "http://{gateway}"),
    ),
    "cpp": Language(
        programs=("cmake", "g++", "pkg-config", "protoc", "grpc_cpp_plugin"),
        build=(("cmake", "-B", "build"), ("cmake", "--build", "build")),
        run=("build/ask", "{gateway}"),
        required=False,
    ),
}


def projects(document: str) -> dict[str, dict[str, str]]:
    """Returns the files of each project of a Markdown text, by the project's name and their path in it."""
    found: dict[str, dict[str, str]] = {}
    for fence in fences(document):
        for word in fence.words:
            if word.startswith("file="):
                project, _, path = word.removeprefix("file=").partition("/")
                found.setdefault(project, {})[path] = "\n".join(fence.lines) + "\n"
    return found


def lay(project: Mapping[str, str], folder: Path) -> None:
    """Writes the files of a project into a folder."""
    for path, text in project.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def protoc(folder: Path) -> Path:
    """Writes a program into a folder that is the protoc of grpcio-tools, with the protos that come with protobuf."""
    program = folder / "protoc-of-grpcio-tools"
    well_known = files("grpc_tools") / "_proto"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m grpc_tools.protoc "$@" "-I{well_known}"\n')
    program.chmod(0o755)
    return program


def builds(language: Language, folder: Path, *, environment: Mapping[str, str]) -> bool:
    """Whether every step of a build succeeds; what it prints is seen."""
    return all(
        subprocess.run(step, cwd=folder, env=environment, check=False, timeout=BUILD_TIMEOUT_S).returncode == 0
        for step in language.build
    )


def answers(language: Language, folder: Path, *, gateway: str) -> bool:
    """Whether the program gets the answer from a gateway; what it prints is seen where it does not."""
    command = [word.format(gateway=gateway) for word in language.run]
    done = subprocess.run(
        command, cwd=folder, check=False, timeout=RUN_TIMEOUT_S, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"TRIPHASE": str(ROOT)},
    )  # fmt: skip
    held = done.returncode == 0 and ANSWER in done.stdout
    sys.stdout.write("" if held else f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return held


def check(name: str, project: Mapping[str, str], *, gateway: str) -> bool:
    """Builds a project, has it ask the gateway unless that is empty, and prints and returns whether it holds."""
    language = LANGUAGES[name]
    if lacking := missing(language.programs):
        return not verdict(name, lacking, environment=os.environ if language.required else {})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, name)
        lay(project, folder)
        environment = os.environ | {"TRIPHASE": str(ROOT), "PROTOC": str(protoc(Path(temporary)))}
        held = builds(language, folder, environment=environment)
        held = held and (not gateway or answers(language, folder, gateway=gateway))
    print(f"{'ok    ' if held else 'FAILED'} {name}: built{' and asked' if gateway else ''}", flush=True)
    return held


def main(names: Sequence[str]) -> int:
    """Returns the exit code: 1 where a project does not hold."""
    found = projects(PAGE.read_text())
    gateway = os.environ.get("TRIPHASE_GATEWAY", "")
    held = [check(name, found[name], gateway=gateway) for name in names or LANGUAGES]
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
