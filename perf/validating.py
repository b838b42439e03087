"""One check of a repository that is timed: `python -m perf.validating FOLDER`, a process of its own.

Its rule: it is the command `triphase-model check FOLDER`, and nothing else that takes time. The last line that it
prints is JSON: the exit code, how long the renderer's child took, and how many bytes of each file were read.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping

from triphase_model.cli import app
from triphase_model.validator.checking import check
from triphase_model.validator.rendering.asking import render
from triphase_model.validator.rendering.results import Rendering
from triphase_model.validator.source import Source


def main(folder: str) -> None:
    """Checks the repository."""
    read: Counter[str] = Counter()
    children_s: list[float] = []
    plain = Source.read_range

    def counted(self: Source, path: str, start: int, length: int) -> bytes:
        data = plain(self, path, start, length)
        read[path] += len(data)
        return data

    def timed(text: str, tokens: Mapping[str, str]) -> Rendering:
        started = time.perf_counter()
        made = render(text, tokens)
        children_s.append(time.perf_counter() - started)
        return made

    Source.read_range = counted  # type: ignore[method-assign]
    check.__kwdefaults__ = {"renderer": timed}
    code = app(["check", folder], standalone_mode=False)
    print(json.dumps({"exit_code": code, "rendering_s": sum(children_s), "read": read}))


if __name__ == "__main__":
    main(sys.argv[1])
