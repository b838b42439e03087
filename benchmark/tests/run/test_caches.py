"""What is done about prefix caches before each leg, against a server that may refuse to empty its own."""

import asyncio
from itertools import product

import pytest
from client_fakes.scripted import ScriptedServer, Step, counted, json_answer
from triphase_benchmark.engines.engine import Engine
from triphase_benchmark.run.caches import Caches

EMPTIED = counted(b"")
REFUSED = json_answer({}, b"404 Not Found")


def engine(name: str, url: str = "http://one:8000", profile: str = "vllm") -> Engine:
    return Engine(name=name, url=url, profile=profile)


async def prepared(profile: str, *scripts: list[Step], legs: int = 2) -> tuple[list[str | None], list[bytes], str]:
    """The salts of the legs, what the server was asked, and what is told."""
    async with ScriptedServer(*scripts) as server:
        one = engine("one", server.url + "/v1", profile)
        caches = Caches([one], salt="s")
        salts = [await asyncio.to_thread(caches.prepare, one, number) for number in range(legs)]
        return salts, [head.split(b" HTTP")[0] for head in server.requests], caches.told["one"]


async def test_a_cache_is_emptied_before_each_leg_and_salted_all_the_same() -> None:
    salts, asked, told = await prepared("vllm", EMPTIED)
    assert asked == [b"POST /reset_prefix_cache"] * 2
    assert all(salts)
    assert told == "emptied before each leg, and salted"


async def test_an_engine_that_refuses_is_asked_once_and_salted() -> None:
    salts, asked, told = await prepared("vllm", REFUSED)
    assert asked == [b"POST /reset_prefix_cache"]
    assert all(salts)
    assert told == "salted for each leg (POST /reset_prefix_cache was answered with status 404)"


async def test_what_takes_no_salt_gets_none() -> None:
    assert await prepared("sglang", EMPTIED) == ([None] * 2, [b"POST /flush_cache"] * 2, "emptied before each leg")
    assert await prepared("generic", EMPTIED) == ([None] * 2, [], "left as it was")
    _, _, told = await prepared("sglang", REFUSED)
    assert told == "left as it was (POST /flush_cache was answered with status 404)"


def test_no_two_legs_have_one_salt() -> None:
    gateways = [engine("a", "grpc://one:1"), engine("b", "grpc://one:1")]
    runs = [Caches(gateways, salt=salt) for salt in ("this run", "another")]
    salts = {caches.prepare(one, number) for caches, one, number in product(runs, gateways, range(8))}
    assert None not in salts
    assert len(salts) == 2 * 2 * 8
    assert runs[0].prepare(gateways[0], 3) == Caches(gateways, salt="this run").prepare(gateways[0], 3)


@pytest.mark.parametrize(
    ("engines", "problems"),
    [
        ([engine("a", profile="generic"), engine("b", profile="generic")], 1),
        ([engine("a", profile="generic"), engine("b", "http://one:8001", "generic")], 0),
        ([engine("a", profile="generic"), engine("b")], 0),  # the salted one shares with nobody
        ([engine("a", profile="generic"), engine("g", "grpc://two:1", "generic")], 1),
        ([engine("a"), engine("g", "grpc://two:1", "generic")], 0),
        ([engine("a", profile="sglang"), engine("b", profile="sglang")], 0),  # each is emptied
        ([engine("a", profile="sglang"), engine("g", "grpc://two:1", "generic")], 1),  # it is not, and comes second
        ([engine(name, f"grpc://{name}:1", "generic") for name in "fgh"], 3),
        ([engine("a", profile="generic")], 0),
    ],
)
def test_engines_that_may_share_a_cache_untended_are_told(engines: list[Engine], problems: int) -> None:
    told = Caches(engines, salt="s").problems
    assert len(told) == problems
    assert all("may be one engine with one prefix cache" in problem for problem in told)


async def test_a_refusal_makes_a_problem_of_two_names_for_one_server() -> None:
    async with ScriptedServer(REFUSED) as server:
        both = [engine(name, server.url, "sglang") for name in "ab"]
        caches = Caches(both, salt="s")
        assert not caches.problems
        for one in both:
            await asyncio.to_thread(caches.prepare, one, 0)
    assert len(caches.problems) == 1


def test_the_manifest_tells_what_was_done_and_by_which_salt() -> None:
    caches = Caches([engine("a", profile="generic"), engine("g", "grpc://two:1")], salt="s")
    assert caches.facts(0.0) == {
        "cache": "no prompt begins like another; a: left as it was; g: salted for each leg",
        "cache_salt": "s",
        "planned_reuse": 0.0,
    }
    assert caches.facts(0.25)["cache"].startswith("25% of prompt characters planned to be known; ")
