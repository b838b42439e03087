"""Metrics of whole gateways: one process and several, read as Prometheus reads them."""

import asyncio
from pathlib import Path

import pytest
from end_to_end.conftest import Configure
from end_to_end.processes import command, run
from end_to_end.stage import request
from telemetry.test_exposition import get
from triphase_client import Client, TriphaseError
from triphase_model.engine.server import serve
from triphase_model.engine.simulated import Script, SimulatedModel

KEY = "sk-secret-4711"
WORDS = "the caller's own words"


async def read(address: str) -> str:
    status, text = await asyncio.to_thread(get, address, "/metrics")
    assert status == 200
    return text


def with_metrics(configuration: str, *, listen: str) -> str:
    path = Path(configuration)
    path.write_text(path.read_text().replace('metrics_listen = ""', f'metrics_listen = "{listen}"'))
    return configuration


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_requests_are_counted_and_nobodys_words_are_told(configure: Configure, options: tuple[str, ...]) -> None:
    model = SimulatedModel(Script(reasoning_tokens=4, output_tokens=4))
    async with serve(models=[model]) as engine:
        path = with_metrics(configure(f"{engine.url}/v1"), listen="127.0.0.1:0")
        async with command("serve", "--config", path, *options, environ={"ENGINE_KEY": KEY}) as process:
            page = (await process.line(r"metrics .*are at http://(\S+)/metrics"))[1]
            address = await process.address()
            for _ in range(3):
                async with Client(address, retry=None) as client:
                    assert [event async for event in client.stream(request(WORDS))][-1].HasField("completed")
            with pytest.raises(TriphaseError):
                async with Client(address, retry=None) as client:
                    [event async for event in client.stream(prompt=WORDS, model="of-the-caller")]
            text = await read(page)
            for line in (
                'triphase_requests_total{error_type="",finish_reason="stop",outcome="completed",route="m"} 3.0',
                'triphase_attempts_total{deployment="engine/model",error_type="",reason="first"} 3.0',
                'triphase_tokens_total{kind="reasoning",route="m"} 12.0',
                'triphase_circuit_state{deployment="engine/model"} 0.0',
                'triphase_requests_in_flight{route="m"} 0.0',
            ):
                assert line in text.splitlines()
            assert 'error_type="CALLER_UNKNOWN_MODEL",finish_reason="",outcome="refused",route="unknown"} 1.0' in text
            for words in (KEY, WORDS, "of-the-caller", "resp-", engine.url):
                assert words not in text
            process.handle.terminate()
            assert await process.ended() == 0


@pytest.mark.parametrize("options", [(), ("--workers", "2")])
async def test_a_port_in_use_is_told(configure: Configure, options: tuple[str, ...]) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        path = with_metrics(configure("http://127.0.0.1:1/v1"), listen=f"127.0.0.1:{port}")
        code, _, err = await run("serve", "--config", path, *options, environ={"ENGINE_KEY": KEY})
    assert code == 1
    assert (
        f"triphase-server: cannot listen on 127.0.0.1:{port}: the port is in use, for metrics; metrics_listen, in"
        in err
    )
