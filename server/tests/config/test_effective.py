"""The configuration as an operator may see it: all of it, and no secret."""

import json
from dataclasses import fields
from pathlib import Path

from triphase_server.config import embedded, load
from triphase_server.config.effective import HIDDEN, effective
from triphase_server.config.loading import GatewayConfig
from triphase_server.upstream.settings import UpstreamSettings

SECRETS = ("sk-of-the-environment", "sk-of-the-file", "az-of-a-header", "words-in-a-header", "key-in-a-body")
FILE = """
admin_listen = "unix:/run/triphase-admin.sock"
[upstreams.by-variable]
base_url = "https://api.example.com/v1"
api_key_env = "HOSTED_KEY"
headers = { x-team = "words-in-a-header" }
headers_env = { x-account = "ACCOUNT" }
[upstreams.by-file]
base_url = "http://127.0.0.1:8000/v1"
api_key_file = "key"
[deployments.a]
upstream = "by-variable"
model = "org/model"
preset = "qwen3"
extra_body = { top_k = 20, guard = { token = "key-in-a-body" } }
[deployments.b]
upstream = "by-file"
model = "m"
[deployments.b.breaker]
failure_rate = false
[routes.chat]
deployments = ["a", { name = "b", weight = 2, priority = 1 }]
fallbacks = ["small"]
summary_model = { route = "small" }
[routes.small]
deployments = ["b"]
"""


def configured(folder: Path) -> GatewayConfig:
    (folder / "key").write_text("sk-of-the-file\n")
    (folder / "gateway.toml").write_text(FILE)
    environ = {"HOSTED_KEY": "sk-of-the-environment", "ACCOUNT": "az-of-a-header"}
    return load(folder / "gateway.toml", environ=environ)


def test_no_secret_is_told_and_where_keys_are_from_is(tmp_path: Path) -> None:
    told = effective(configured(tmp_path))
    text = json.dumps(told) + repr(told)
    assert [secret for secret in SECRETS if secret in text] == []
    upstreams = told["upstreams"]
    assert upstreams["by-variable"]["api_key"] == {"set": True, "source": "environment variable HOSTED_KEY"}
    assert upstreams["by-file"]["api_key"] == {"set": True, "source": "file key"}
    assert upstreams["by-variable"]["headers"] == {"x-team": HIDDEN, "x-account": HIDDEN}
    assert told["deployments"]["a"]["extra_body"] == {"top_k": HIDDEN, "guard": HIDDEN}


def test_every_field_of_an_upstream_is_told_but_what_is_no_key(tmp_path: Path) -> None:
    told = effective(configured(tmp_path))["upstreams"]["by-file"]
    assert set(told) == {field.name for field in fields(UpstreamSettings)} - {"name", "ca_digest"}


def test_defaults_and_presets_are_filled_in(tmp_path: Path) -> None:
    told = effective(configured(tmp_path))
    assert (told["admin_listen"], told["grace_s"]) == ("unix:/run/triphase-admin.sock", 30.0)
    a, b = told["deployments"]["a"], told["deployments"]["b"]
    assert a["detection"]["markers"] == [{"open": "<think>", "close": "</think>"}]
    assert (b["breaker"]["failure_rate"], b["timeouts"]["connect_s"]) == (None, 5.0)
    assert (b["effort"]["supported"][0], b["upstream"], b["model"]) == ("none", "by-file", "m")
    chat = told["routes"]["chat"]
    assert chat["deployments"][1] == {"name": "b", "weight": 2.0, "priority": 1}
    assert (chat["fallbacks"], chat["summary_model"]) == (["small"], {"route": "small", "timeout_s": 3.0})
    assert (chat["strategy"], chat["retry"]["max_attempts"]) == ("weighted_random", 3)


def test_it_is_what_json_has(tmp_path: Path) -> None:
    told = effective(configured(tmp_path))
    assert json.loads(json.dumps(told)) == told


def test_the_embedded_model_has_no_key() -> None:
    told = effective(embedded("http://127.0.0.1:1/v1"))
    assert told["upstreams"]["embedded"]["api_key"] == {"set": False}
    assert (told["admin_listen"], list(told["routes"])) == ("", ["reference"])
