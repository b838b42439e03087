"""Whether files have changed: asked again and again, since that works on every file system and for every way to write.

Rule: a file is what its path leads to, told apart by device, inode, size and time of its last change, so that one that
was written, renamed into its place or reached by another symbolic link (Kubernetes) is another one. A change counts
once it has stood still for a period: a file that is still being written is not read. What follows is `reload.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeAlias

Identity: TypeAlias = tuple[int, int, int, int] | None
Identities: TypeAlias = tuple[Identity, ...]

PERIOD_S = 1.0


async def changed(
    look: Callable[[], Awaitable[Identities]], *, since: Identities, period_s: float = PERIOD_S
) -> Identities:
    """Returns what `look` sees once that is not `since` any more, and stands still."""
    before = since
    while True:
        await asyncio.sleep(period_s)
        seen = await look()
        if seen == before != since:
            return seen
        before = seen


def identities(paths: Iterable[Path]) -> Identities:
    """Returns what tells each file from whatever else was or will be at its path; `None` where there is none."""
    return tuple(map(_identity, paths))


def _identity(path: Path) -> Identity:
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a path with a null character
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
