"""Workers as processes: one plan among them, and what stands of it when one of them, or their parent, is killed."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import psutil  # type: ignore[import-untyped]
import pytest
from triphase_benchmark.client.crew import Crew, CrewFailed
from triphase_benchmark.client.leg import Leg
from triphase_benchmark.client.null_engine import MEMBER, MODEL, NullEngine
from triphase_benchmark.client.progress import Progress
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.plan.values import Load, Message, PlannedRequest, Prompt
from triphase_benchmark.records.folder import RunFolder
from triphase_benchmark.records.writer import RecordsLost

# A parent that is killed once both workers have sent something.
PARENT = """
import sys
from pathlib import Path
from test_crew import leg
from triphase_benchmark.client.crew import Crew
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.records.folder import RunFolder

def watch(progress):
    if progress.begun == 4:
        print("sent", flush=True)

if __name__ == "__main__":
    with Crew(RunFolder(Path(sys.argv[1])), workers=2) as crew:
        crew.run(leg(Engine(name="null", url=sys.argv[2]), 8, places=4, first_us=60_000_000), watch=watch)
"""


def leg(engine: Engine, count: int, *, places: int | None = 4, tokens: int = 5, first_us: int = 0) -> Leg:
    requests = tuple(
        PlannedRequest(
            number=number,
            prompt=Prompt(
                id=f"p{number}",
                messages=(Message(role="user", content="?"),),
                output_tokens=tokens,
                extra_body={MEMBER: {"tokens": tokens, "first_us": first_us}},
            ),
            scheduled_ns=None,
        )
        for number in range(count)
    )
    return Leg(
        round=0, place_in_round=0, engine=engine, model=MODEL, load=Load.CLOSED, places=places, requests=requests
    )


@pytest.fixture(scope="module")
def null() -> Iterator[Engine]:
    with NullEngine() as engine:
        yield Engine(name="null", url=engine.url)


def test_two_workers_send_one_plan_leg_after_leg(tmp_path: Path, null: Engine) -> None:
    folder = RunFolder(tmp_path)
    seen: list[Progress] = []
    with Crew(folder, workers=2, epoch_ns=0) as crew:
        ends = [crew.run(replace(leg(null, 9), round=number), watch=seen.append) for number in range(2)]
        assert crew.progress.ended == 18
        crew.run(replace(leg(null, 1, places=1), round=2))  # fewer places than workers
    folder.close()
    rows = folder.read_requests().to_pylist()
    assert sorted((row["round"], row["request"]) for row in rows) == [
        *((r, n) for r in range(2) for n in range(9)),
        (2, 0),
    ]
    assert {row["worker"] for row in rows if row["round"] == 0} == {0, 1}
    assert {(row["error"], row["output_tokens"], len(row["chunk_times"])) for row in rows} == {(None, 5, 5)}
    assert all(row["sent"] >= ends[row["round"]].begin_ns for row in rows if row["round"] < 2)
    assert seen[-1].ended == 18
    assert all(0 <= end.cpu_share < 2 for end in ends)


def test_a_worker_that_is_killed_ends_the_run_and_the_other_keeps_its_rows(tmp_path: Path, null: Engine) -> None:
    folder = RunFolder(tmp_path)
    crew = Crew(folder, workers=2)

    def kill(progress: Progress) -> None:
        if progress.in_flight == 4:
            process = crew._processes[1]
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()

    with crew:
        crew.run(leg(null, 4))
        with pytest.raises(CrewFailed, match="worker 1 ended by itself, with exit code -9"):
            crew.run(replace(leg(null, 8, first_us=60_000_000), round=1), watch=kill)
    rows = folder.read_requests().to_pylist()
    assert sorted(row["request"] for row in rows if row["round"] == 0) == [0, 1, 2, 3]
    second = {row["request"]: row["error"] for row in rows if row["round"] == 1}
    assert second == {0: "dropped", 2: "dropped", 4: "unsent", 6: "unsent"}


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path, null: Engine) -> None:
    folder = RunFolder(tmp_path)

    def interrupt(progress: Progress) -> None:
        if progress.in_flight == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Crew(folder, workers=2) as crew:
        crew.run(leg(null, 6, first_us=60_000_000), watch=interrupt)
    folder.close()
    assert sorted(folder.read_requests()["error"].to_pylist()) == 4 * ["dropped"] + 2 * ["unsent"]


def test_a_parent_that_is_killed_leaves_a_run_that_can_be_read(tmp_path: Path, null: Engine) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path), null.url]
    here = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": here})
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"sent\n"
    workers = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(workers, 30)
    assert alive == []
    errors = RunFolder(tmp_path).read_requests()["error"].to_pylist()
    assert sorted(errors) == 4 * ["dropped"] + 4 * ["unsent"]


def test_a_full_disk_ends_the_run_and_what_was_measured_before_is_kept(tmp_path: Path, null: Engine) -> None:
    folder = RunFolder(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))  # the nearest to a full disk that needs no rights
    try:
        with pytest.raises(RecordsLost, match=r"requests-0\.arrows: .* is kept"), Crew(folder, workers=1) as crew:  # noqa: PT012
            for number in range(20):
                crew.run(replace(leg(null, 6), round=number))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    folder.close()
    rounds = folder.read_requests()["round"].to_pylist()
    assert 0 < len(rounds) < 120
    assert sorted(rounds) == [number for number in range(len(rounds) // 6) for _ in range(6)]


def test_a_part_that_is_there_already_is_not_written_over(tmp_path: Path, null: Engine) -> None:
    folder = RunFolder(tmp_path)
    folder.parts.mkdir()
    folder.part(0).touch()
    with Crew(folder, workers=1) as crew, pytest.raises(RecordsLost, match="File exists"):
        crew.run(leg(null, 1))


def test_what_a_worker_cannot_do_is_one_line(tmp_path: Path, null: Engine) -> None:
    with Crew(RunFolder(tmp_path), workers=1) as crew, pytest.raises(CrewFailed, match="NO_SUCH_KEY is not set"):
        crew.run(leg(replace(null, key_variable="NO_SUCH_KEY"), 1))


def test_nothing_is_left_running(tmp_path: Path, null: Engine) -> None:
    with Crew(RunFolder(tmp_path), workers=2) as crew:
        processes = [psutil.Process(process.pid) for process in crew._processes]
        crew.run(leg(null, 2))
    deadline = monotonic() + 10
    while any(process.is_running() for process in processes) and monotonic() < deadline:
        sleep(0.01)
    assert not any(process.is_running() for process in processes)
