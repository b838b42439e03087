"""A profile derived by a child process: the same as in this one, or one line that says why there is none."""

import asyncio
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from repositories.reasoning import of_family, repository
from triphase_model.effort import deriving
from triphase_model.effort.analysis import analyse
from triphase_model.effort.deriving import CannotDerive, derived
from triphase_model.effort.profiling import profile_of
from triphase_model.validator.source import Source

REFERENCE = Path(str(files("triphase_model") / "reference"))
GUARD_S = 60.0
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def written(path: Path, made: dict[str, bytes]) -> Path:
    for name, data in made.items():
        (path / name).write_bytes(data)
    return path


async def test_it_is_what_the_analysis_says(tmp_path: Path) -> None:
    assert await derived(REFERENCE, most_s=GUARD_S) == profile_of(analyse(Source.of_folder(REFERENCE)))
    folder = written(tmp_path, of_family("deepseek-v4"))
    assert await derived(folder, most_s=GUARD_S) == profile_of(analyse(Source.of_folder(folder)))


async def test_a_relative_folder_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REFERENCE.parent)
    assert (await derived(Path("reference"), most_s=GUARD_S)).effort.variable == "reasoning_effort"


async def test_what_has_no_profile_is_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    raising = tmp_path / "raising"
    raising.mkdir()
    written(raising, repository("{{ raise_exception('never') }}"))
    told = {
        tmp_path / "nowhere": "there is no repository 'nowhere'",
        empty: "'empty' has no files",
        raising: "the simplest chat cannot be rendered: never",
    }
    for folder, why in told.items():
        with pytest.raises(CannotDerive) as caught:
            await derived(folder, most_s=GUARD_S)
        assert str(caught.value) == why


async def test_one_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(CannotDerive, match=r"it took longer than 0\.01 s"):
        await derived(written(tmp_path, repository(LOOP)), most_s=0.01)


async def test_a_caller_that_gives_up_is_not_held_up(tmp_path: Path) -> None:
    task = asyncio.ensure_future(derived(written(tmp_path, repository(LOOP)), most_s=GUARD_S))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_process_that_ends_or_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deriving, "_CHILD", "triphase_model.no_such_module")
    with pytest.raises(CannotDerive, match="its process ended before it had answered"):
        await derived(REFERENCE, most_s=GUARD_S)
    monkeypatch.setattr(sys, "executable", "/no/such/interpreter")
    with pytest.raises(CannotDerive, match="no process could be started for it: No such file"):
        await derived(REFERENCE, most_s=GUARD_S)
