"""What is told of the step from one configuration to another, and what it cannot bring."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from triphase_server.config import Changes, GatewayConfig, changes, files_of, load
from triphase_server.config.changes import FIXED
from triphase_server.config.schema import GatewayTable

Step = Callable[[str, str], Changes]

FULL = """\
heartbeat_s = 10.0
[upstreams.u]
base_url = "http://127.0.0.1:8000/v1"
api_key_file = "key"
[deployments.a]
upstream = "u"
model = "m"
extra_body = { top_k = 1 }
[deployments.b]
upstream = "u"
model = "m"
[routes.chat]
deployments = ["a", { name = "b", weight = 2 }]
[routes.small]
deployments = ["b"]
"""


@pytest.fixture
def parsed(tmp_path: Path) -> Callable[[str], GatewayConfig]:
    def parse(text: str) -> GatewayConfig:
        (tmp_path / "key").touch()
        if not (tmp_path / "key").read_text():
            (tmp_path / "key").write_text("sk-1")
        path = tmp_path / "gateway.toml"
        path.write_text(text)
        return load(path, environ={})

    return parse


@pytest.fixture
def step(parsed: Callable[[str], GatewayConfig]) -> Step:
    """Returns what a part of the file brings that is put in the place of another."""

    def changed(old: str, new: str) -> Changes:
        assert old in FULL
        return changes(parsed(FULL), parsed(FULL.replace(old, new, 1)))

    return changed


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("heartbeat_s = 10.0", "# heartbeat_s = 10.0\nheartbeat_s = 10", {}),
        ("heartbeat_s = 10.0", "heartbeat_s = 9.0\ngrace_s = 1.0", {"keys_changed": "heartbeat_s, grace_s"}),
        (":8000", ":8001", {"upstreams_changed": "u"}),
        ("top_k = 1 ", "top_k = 2 ", {"deployments_changed": "a"}),
        ("top_k = 1 ", "top_k = true ", {"deployments_changed": "a"}),
        ("top_k = 1 ", "top_k = 1.0 ", {"deployments_changed": "a"}),
        ("weight = 2", "weight = 3", {"routes_changed": "chat"}),
        ('"a", ', "", {"routes_changed": "chat", "deployments_removed": "a"}),
        ("[routes.small]", "[routes.large]", {"routes_added": "large", "routes_removed": "small"}),
        ("[routes.small]", '[upstreams.v]\nbase_url = "http://x/v1"\n[routes.small]', {"upstreams_added": "v"}),
    ],
)
def test_what_differs_is_told_by_its_name(step: Step, old: str, new: str, told: dict[str, str]) -> None:
    assert dict(step(old, new).told) == told


def test_a_key_that_changed_is_a_change_of_its_upstream_and_is_not_told(
    tmp_path: Path, parsed: Callable[[str], GatewayConfig]
) -> None:
    before = parsed(FULL)
    (tmp_path / "key").write_text("sk-2")
    brought = changes(before, parsed(FULL))
    assert dict(brought.told) == {"upstreams_changed": "u"}
    assert "sk-" not in repr(brought)


def test_certificates_that_changed_are_a_change_of_their_upstream(
    tmp_path: Path, parsed: Callable[[str], GatewayConfig]
) -> None:
    pem = (Path(__file__).parents[1] / "upstream" / "localhost.pem").read_text()
    (tmp_path / "ca.pem").write_text(pem)
    text = FULL.replace("api_key_file", 'ca_file = "ca.pem"\napi_key_file', 1)
    before = parsed(text)
    assert dict(changes(before, parsed(text)).told) == {}
    (tmp_path / "ca.pem").write_text(pem + "\n# renewed\n")
    assert dict(changes(before, parsed(text)).told) == {"upstreams_changed": "u"}


def test_what_needs_a_start_stays(step: Step) -> None:
    listens = 'listen = "127.0.0.1:1"\nadmin_listen = "127.0.0.1:2"\nmetrics_listen = ""\n'
    brought = step("heartbeat_s", listens + "max_request_bytes = 4096\nheartbeat_s")
    assert brought.fixed == FIXED
    assert dict(brought.told) == {}
    assert (brought.config.listen, brought.config.max_request_bytes) == ("127.0.0.1:50051", 16 * 1024 * 1024)


def test_many_names_are_told_in_short(parsed: Callable[[str], GatewayConfig]) -> None:
    more = "".join(f'[routes.r{number:02}]\ndeployments = ["a"]\n' for number in range(30))
    told = changes(parsed(FULL), parsed(FULL + more)).told
    assert told["routes_added"].endswith("r18, r19 and 10 more")


def test_every_key_of_the_file_is_fixed_or_can_change() -> None:
    # A key that is added to the file has to find its place: where it does not change anything it belongs to FIXED.
    live = {"heartbeat_s", "drain_delay_s", "grace_s", "log_level", "limits", "validation"}
    live |= {"upstreams", "deployments", "routes"}
    assert set(GatewayTable.model_fields) == live | set(FIXED)
    assert {field.name for field in fields(GatewayConfig)} == (live | set(FIXED) | {"warnings"}) - {"deployments"}


def test_the_files_of_a_configuration_are_those_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(FULL + '[upstreams.v]\napi_key_file = "key"\nca_file = "/etc/ca.pem"\n[upstreams.w]\nca_file = 3\n')
    assert files_of(path) == (path, tmp_path / "key", Path("/etc/ca.pem"))


@pytest.mark.parametrize("text", ["upstreams = 3", "[upstreams]\nu = 3", "wrong"])
def test_a_file_that_is_wrong_names_itself(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    assert files_of(path) == (path,)
