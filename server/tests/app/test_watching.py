"""When a change of files counts: never while somebody writes, and whatever way they are replaced."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from server_fakes.clock import now, on_fake_clock
from triphase_server.app.watching import Identities, changed, identities

PERIOD_S = 1.0


def version(number: int) -> Identities:
    return ((0, 0, 0, number),)


class Looks:
    """What is seen by each look; the last stays."""

    def __init__(self, seen: Sequence[Identities]) -> None:
        self._seen = list(seen)

    async def __call__(self) -> Identities:
        return self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]


@pytest.mark.parametrize(
    ("seen", "after_s", "found"),
    [
        ([1, 1, 2, 2], 4, 2),
        ([2, 2], 2, 2),
        ([2, 3, 4, 5, 5], 5, 5),  # somebody writes
        ([2, 1, 1, 3, 3], 5, 3),  # taken back
    ],
)
def test_a_change_counts_when_it_stands_still(seen: list[int], after_s: float, found: int) -> None:
    @on_fake_clock
    async def play() -> None:
        look = Looks([version(number) for number in seen])
        assert await changed(look, since=version(1), period_s=PERIOD_S) == version(found)
        assert now() == after_s

    play()


@on_fake_clock
async def test_what_does_not_change_is_watched_for_ever() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await changed(Looks([version(1)]), since=version(1))


@on_fake_clock
async def test_a_file_that_goes_and_comes_back_as_it_was_is_no_change() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await changed(Looks([(None,), version(1)]), since=version(1))


def write_in_place(path: Path) -> None:
    path.write_text("two!")


def rename_over(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_text("two")
    os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    new.rename(path)


def touch(path: Path) -> None:
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


def swap_folder(path: Path) -> None:
    folder = path.parent
    (folder.parent / "second").mkdir()
    (folder.parent / "second" / path.name).write_text("one")
    (folder.parent / "link.new").symlink_to("second")
    (folder.parent / "link.new").rename(folder.parent / "link")


@pytest.mark.parametrize("change", [write_in_place, rename_over, touch, swap_folder, Path.unlink])
def test_every_way_to_replace_a_file_shows(tmp_path: Path, change: Callable[[Path], None]) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "link").symlink_to("first")
    path = tmp_path / "link" / "gateway.toml"
    path.write_text("one")
    before = identities([path, tmp_path])
    assert identities([path, tmp_path]) == before
    change(path)
    assert identities([path])[0] != before[0]


def test_what_is_not_there_is_told_from_what_is(tmp_path: Path) -> None:
    assert identities([tmp_path / "none", Path("a\0b")]) == (None, None)
