"""A check in a process of its own: what it finds, how it ends, and that nothing of it is left behind."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from repositories.clean import reference, repository
from triphase_model.validator.apart import asking, child
from triphase_model.validator.apart.asking import AnswerTooLarge, check_apart
from triphase_model.validator.apart.question import Question, Sent, Stored
from triphase_model.validator.checking import Result, Selection, Verdict, check
from triphase_model.validator.findings import Engine
from triphase_model.validator.rule import Unanswered
from triphase_model.validator.source import NotARepository, Source
from triphase_model.validator.stored import UnknownRepository

GUARD_S = 60.0
# It renders for as long as it may, in its own child.
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% if a > b %}{% endif %}{% endfor %}{% endfor %}"
# Asks, and says so once there is a child; then it waits to be killed.
ASKER = """
import asyncio, sys
from triphase_model.validator.apart.asking import check_apart
from triphase_model.validator.apart.question import Question, Sent
from triphase_model.validator.checking import Selection
files = {"config.json": b"{}", "chat_template.jinja": sys.argv[1].encode()}
asyncio.run(check_apart(Question(repository=Sent(files=files, sizes={}), selection=Selection()), most_s=60))
"""


def sent(files: Mapping[str, bytes], selection: Selection | None = None) -> Question:
    return Question(repository=Sent(files=files, sizes={}), selection=selection or Selection())


def endless() -> Question:
    return sent(repository("qwen3") | {"chat_template.jinja": ENDLESS.encode()})


def unanswered(why: str, name: str = "") -> Result:
    return Result(name=name, findings=(), unanswered=(Unanswered(rule="check", why=why),))


def below(pid: int) -> list[psutil.Process]:
    """The processes below one, but for what multiprocessing keeps in a process that has once used it."""
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return [process for process in found if not is_a_tracker(process)]


def is_a_tracker(process: psutil.Process) -> bool:
    try:
        return any("resource_tracker" in word for word in process.cmdline())
    except psutil.Error:  # it has ended, or is about to
        return False


async def family_of(pid: int, least: int) -> list[psutil.Process]:
    """The processes below one, once there are as many."""
    async with asyncio.timeout(GUARD_S):
        while True:
            found = below(pid)
            if len(found) >= least:
                return found
            await asyncio.sleep(0.01)


async def gone(processes: list[psutil.Process]) -> None:
    async with asyncio.timeout(GUARD_S):
        while True:
            if not any(is_alive(process) for process in processes):
                return
            await asyncio.sleep(0.01)


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("base", ["reference", "qwen3"])
async def test_it_finds_what_a_check_here_finds(base: str) -> None:
    files = repository(base) | {
        "config.json": b"{}",
        "generation_config.json": b'{"eos_token_id": 1, "eos_token_id": 2}',
    }
    for selection in (Selection(), Selection(select=("T", "C"), ignore=("T06",), engines=frozenset({Engine.VLLM}))):
        here = check(Source.of_files(files), selection)
        assert await check_apart(sent(files, selection), most_s=GUARD_S) == here
        assert here.findings


async def test_declared_sizes_links_and_odd_files_travel() -> None:
    repository = Sent(
        files={"config.json": b"{}", "model.safetensors": b"\x02"},
        sizes={"config.json": 2, "model.safetensors": 16_000_000_000},
        escaping=("out.json",),
        odd=("pipe",),
    )
    result = await check_apart(Question(repository=repository, selection=Selection()), most_s=GUARD_S)
    assert {"S04", "S05"} <= {finding.rule for finding in result.findings}
    assert result == check(repository.opened())


async def test_stored_ones_are_opened_there(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "empty").mkdir()
    for name, data in reference().items():
        (tmp_path / "m" / name).write_bytes(data)

    def question(name: str) -> Question:
        return Question(repository=Stored(name=name, roots=(str(tmp_path),)), selection=Selection())

    result = await check_apart(question("m"), most_s=GUARD_S)
    assert (result.name, result.verdict) == ("m", Verdict.CLEAN)
    with pytest.raises(UnknownRepository, match="there is no repository 'n'"):
        await check_apart(question("n"), most_s=GUARD_S)
    with pytest.raises(NotARepository, match="'empty' has no files"):
        await check_apart(question("empty"), most_s=GUARD_S)


async def test_one_that_takes_too_long_is_unanswered_and_gone() -> None:
    assert await check_apart(endless(), most_s=0.05) == unanswered("it took longer than 0.05 s")
    assert below(os.getpid()) == []


async def test_one_that_is_cancelled_is_gone_with_what_renders_for_it() -> None:
    task = asyncio.create_task(check_apart(endless(), most_s=GUARD_S))
    family = await family_of(os.getpid(), 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(family)


async def test_one_that_is_cancelled_at_once_leaves_nothing() -> None:
    for _ in range(5):
        task = asyncio.create_task(check_apart(endless(), most_s=GUARD_S))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
    assert below(os.getpid()) == []


async def test_nothing_outlives_an_asker_that_is_killed() -> None:
    asker = await asyncio.create_subprocess_exec(sys.executable, "-c", ASKER, ENDLESS)
    family = await family_of(asker.pid, 2)
    asker.kill()
    await asker.wait()
    await gone(family)


async def test_no_key_of_the_environment_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_KEY", "sk-secret-4711")
    task = asyncio.create_task(check_apart(endless(), most_s=GUARD_S))
    family = await family_of(os.getpid(), 2)
    names = {name for process in family for name in process.environ()}
    task.cancel()
    await asyncio.wait((task,))
    assert names <= {"PYTHONPATH", "PYTHONHASHSEED", "LC_CTYPE"}


async def test_it_leaves_the_processor_to_others() -> None:
    task = asyncio.create_task(check_apart(endless(), most_s=GUARD_S))
    family = await family_of(os.getpid(), 2)
    nice = [process.nice() for process in family]
    task.cancel()
    await asyncio.wait((task,))
    assert nice == [psutil.Process().nice() + 10] * 2


async def test_one_that_ends_by_itself_or_cannot_start_is_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_CHILD", "triphase_model.nothing")
    large = sent({"config.json": b" " * 5_000_000})  # more than a pipe holds
    assert await check_apart(large, most_s=GUARD_S) == unanswered("its process ended before it had answered")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert await check_apart(large, most_s=GUARD_S) == unanswered(
        "no process could be started for it: No such file or directory"
    )


async def test_findings_without_bound_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_ANSWER_BYTES", 100)
    with pytest.raises(AnswerTooLarge, match="more than 100 bytes"):
        await check_apart(sent({"config.json": b"{}"}), most_s=GUARD_S)


async def test_too_much_memory_is_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    def fills(*_: object) -> Result:
        raise MemoryError

    monkeypatch.setattr(child, "check", fills)
    answer = child._answer(sent({"config.json": b"{}"}), child._checked)
    assert asking._result(sent({}), answer) == unanswered("it took too much memory")
