"""Configurations over a pipe: whole, whatever way they are cut, with their keys, and in their order."""

import asyncio
import os
import re
from pathlib import Path

import pytest
from triphase_server.app.handover import Frames, Received, SupervisorGone, frame_of
from triphase_server.config import GatewayConfig, embedded, load

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> GatewayConfig:
    """The fuller example of the documentation, which uses most keys."""
    path = tmp_path_factory.mktemp("full") / "gateway.toml"
    path.write_text(re.findall(r"^```toml\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)[1])
    return load(path, environ={"HOSTED_API_KEY": "sk-1", "HOSTED_ACCOUNT": "account"})


def numbered(number: int) -> GatewayConfig:
    return embedded(f"http://127.0.0.1:{number}/v1")


def test_a_configuration_arrives_as_it_was(full: GatewayConfig) -> None:
    (arrived,) = Frames().feed(frame_of(full))
    assert arrived == full
    assert arrived.upstreams["hosted"].api_key.reveal() == "sk-1"
    assert repr(arrived) == repr(full)


@pytest.mark.parametrize("block", [1, 7, 1000, 10**6])
def test_the_cut_does_not_matter(full: GatewayConfig, block: int) -> None:
    data = frame_of(full) + frame_of(numbered(1)) + frame_of(full)
    frames = Frames()
    arrived = [config for at in range(0, len(data), block) for config in frames.feed(data[at : at + block])]
    assert arrived == [full, numbered(1), full]


def test_a_supervisor_that_is_gone_is_told() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with pytest.raises(SupervisorGone):
        Received(reader).first()
    os.close(reader)


async def test_those_that_follow_are_taken_in_their_order_and_the_end_is_told(full: GatewayConfig) -> None:
    reader, writer = os.pipe()
    os.write(writer, frame_of(numbered(1)) + frame_of(numbered(2)))
    received = Received(reader)
    assert received.first() == numbered(1)
    taken: list[GatewayConfig] = []
    ended = asyncio.Event()
    received.follow(taken.append, end=ended.set)
    assert taken == [numbered(2)]
    os.write(writer, frame_of(full)[:100])
    os.write(writer, frame_of(full)[100:])
    os.close(writer)
    async with asyncio.timeout(10):
        await ended.wait()
    assert taken == [numbered(2), full]
    os.close(reader)
