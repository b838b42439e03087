"""Checks the Go client, or renews its stubs: `python tools/check_go.py [--write] [ARGUMENTS OF go test]`, tox env `go`.

In order: the committed stubs are those of proto/, the form (gofmt), vet, staticcheck, and all tests with the race
detector. The plugins and staticcheck are those of clients/go/tools/go.mod, buf that of the lock.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from codegen import differences
from toolchains import missing, verdict

ROOT = Path(__file__).parent.parent
MODULE = ROOT / "clients/go"
STUBS = ("adminv1", "gatewayv1", "modelv1")
STATICCHECK = ("go", "tool", "-modfile=tools/go.mod", "staticcheck", "./...")


def generate(out: Path) -> None:
    """Writes the stubs of all of proto/ below `out`, a folder for each proto package; raises CalledProcessError."""
    subprocess.run(["buf", "generate", "--template", MODULE / "buf.gen.yaml", "--output", out], cwd=ROOT, check=True)


def stub_differences(generated: Path) -> Iterator[str]:
    """Tells each difference between the committed stubs and those just generated, and folders that only one has."""
    folders = {path.name for path in generated.iterdir()}
    yield from (f"no proto package any more: {name}" for name in sorted({*STUBS} - folders))
    yield from (f"not committed: {name}" for name in sorted(folders - {*STUBS}))
    for name in sorted(folders & {*STUBS}):
        yield from (f"{name}: {line}" for line in differences(MODULE / name, generated / name))


def check_stubs(*, write: bool) -> bool:
    """Whether the committed stubs are those of proto/; `write` replaces them."""
    with tempfile.TemporaryDirectory() as temporary:
        generated = Path(temporary)
        generate(generated)
        if write:
            for folder in generated.iterdir():
                shutil.rmtree(MODULE / folder.name, ignore_errors=True)
                shutil.copytree(folder, MODULE / folder.name)
        found = list(stub_differences(generated))
    sys.stderr.write("".join(f"{line}\n" for line in found))
    if found:
        sys.stderr.write("The Go stubs are not those of proto/: run `tox -e go -- --write` and commit.\n")
    return not found


def is_formatted() -> bool:
    """Whether gofmt would change nothing; it tells the files that it would."""
    done = subprocess.run(["gofmt", "-l", "."], cwd=MODULE, check=True, text=True, stdout=subprocess.PIPE)
    sys.stderr.write("".join(f"not formatted: {path}\n" for path in done.stdout.splitlines()))
    return not done.stdout


def passes(*command: str) -> bool:
    """Whether a command succeeds in the folder of the module; what it prints is seen."""
    return subprocess.run(command, cwd=MODULE, check=False).returncode == 0


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 1 where any check fails, each having told why."""
    if lacking := missing(["go", "gofmt", "gcc"]):  # the race detector needs a C compiler
        return verdict("the Go client", lacking)
    if "--write" in arguments:
        return int(not check_stubs(write=True))
    held = [check_stubs(write=False), is_formatted(), passes("go", "vet", "./..."), passes(*STATICCHECK)]
    return int(not (all(held) and passes("go", "test", "-race", "-count=1", *arguments, "./...")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
