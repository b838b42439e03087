"""A configuration file becomes the values that it says, and the defaults where it is silent."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from triphase_server.config import GatewayConfig, embedded, load, warnings
from triphase_server.core.breaker import BreakerPolicy
from triphase_server.core.detection import Channel, Detection, Marker, UnclosedPolicy
from triphase_server.core.effort_policy import EffortMethod, EffortPolicy, UnsupportedPolicy
from triphase_server.core.presets import PRESETS
from triphase_server.core.request import Effort
from triphase_server.core.retry import RetryPolicy
from triphase_server.core.route import (
    Deployment,
    OnMidstreamFailure,
    Route,
    SummaryModel,
    Target,
    Timeouts,
    WhenAllOpen,
)
from triphase_server.core.routing import Strategy
from triphase_server.upstream.settings import Secret, UpstreamSettings

VALID = """\
[upstreams.vllm]
base_url = "http://127.0.0.1:8000/v1"
[deployments.a]
upstream = "vllm"
model = "org/model"
[routes.chat]
deployments = ["a"]
"""

# The certificate of an authority that exists nowhere; its key was never kept.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmTCCAT+gAwIBAgIUfbsEJM/03uZNxI0GgJMEXOIcu30wCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWZXhhbXBsZSB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjIxNDQ0
MDFaGA8yMTI2MTAyOTE0NDQwMVowITEfMB0GA1UEAwwWZXhhbXBsZSB0ZXN0IGF1
dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKMOMaCTiVEViqLybV9w
Rf69Q1JLlVnVY9R4pQEooRNb3EUr8y4HKy0A81gmzA8BURRdyvOGK4Andbo3z74j
c1WjUzBRMB0GA1UdDgQWBBTV3PBMp6t8zLGLvWFBk7llxyhWJjAfBgNVHSMEGDAW
gBTV3PBMp6t8zLGLvWFBk7llxyhWJjAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
BAMCA0gAMEUCIBbYgt4SVMVyHVC1O0f4T24unyeZfZeZKN5Czj1CuwMXAiEA7uW8
vLXBzPNNpfAhOMiaTSCYBi1RYZ1yMsQt4Vlft40=
-----END CERTIFICATE-----
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def loaded(path: Path, text: str, *, environ: Mapping[str, str] | None = None) -> GatewayConfig:
    path.write_text(text, encoding="utf-8")
    return load(path, environ=environ or {})


def test_the_least_file_takes_every_default(path: Path) -> None:
    upstream = UpstreamSettings(name="vllm", base_url="http://127.0.0.1:8000/v1")
    deployment = Deployment(name="a", upstream="vllm", model="org/model")
    assert loaded(path, VALID) == GatewayConfig(
        listen="127.0.0.1:50051",
        metrics_listen="127.0.0.1:9464",
        admin_listen="",
        heartbeat_s=15.0,
        drain_delay_s=0.0,
        grace_s=30.0,
        max_request_bytes=16 * 1024 * 1024,
        log_level="info",
        upstreams={"vllm": upstream},
        routes={"chat": Route(name="chat", targets=(Target(deployment=deployment),))},
    )


def test_every_key_reaches_its_value(path: Path) -> None:
    (path.parent / "key").write_text("sk-file\n", encoding="ascii")
    config = loaded(
        path,
        """
        listen = "[::1]:0"
        heartbeat_s = 1
        drain_delay_s = 5
        grace_s = 0
        max_request_bytes = 1024
        log_level = "debug"
        [upstreams.b]
        base_url = "https://api.example.com/v1/"
        api_key_file = "key"
        headers = { X-Team = "search" }
        headers_env = { API-Key = "AZURE" }
        max_connections = 0
        keepalive_s = 2.5
        proxy = true
        max_tokens_field = "max_completion_tokens"
        [deployments.a]
        upstream = "b"
        model = "m"
        extra_body = { top_k = 20, nested = { list = [1, 2.5, "x", true] } }
        [deployments.a.detection]
        fields = []
        markers = [["[T]", "[/T]"]]
        discard = ["<|final|>"]
        initial = "reasoning"
        unclosed = "promote"
        [deployments.a.effort]
        method = "chat_template_kwargs.enable_thinking"
        supported = ["none", "high"]
        default = "high"
        unsupported = "clamp"
        budget_field = "thinking_token_budget"
        [deployments.a.timeouts]
        connect_s = 1
        first_byte_s = 2.0
        first_token_s = 2.5
        between_reasoning_s = 3.0
        between_output_s = 3.5
        total_s = 4.0
        [deployments.a.breaker]
        window_s = 60
        minimum_calls = 3
        failure_rate = 0.25
        consecutive_failures = 7
        slow_call_s = 20
        slow_call_rate = 0.75
        open_s = 1
        open_max_s = 10
        jitter = 0
        probe_s = 15
        retry_after_opens = false
        retry_after_max_s = 0
        [deployments.spare]
        upstream = "b"
        model = "m2"
        [routes."org/chat"]
        deployments = ["a", { name = "spare", weight = 2, priority = 1 }]
        fallbacks = ["small"]
        strategy = "power_of_two"
        when_all_open = "try_soonest"
        on_midstream_failure = "restart"
        prompt_summary = false
        raw_reasoning = false
        summary_model = { route = "small", timeout_s = 1.5 }
        [routes."org/chat".retry]
        max_attempts = 5
        initial_s = 0
        max_s = 8
        max_retry_after_s = 60
        [routes.small]
        deployments = ["a"]
        reasoning_summary = false
        """,
        environ={"AZURE": "az-key"},
    )
    assert (config.listen, config.heartbeat_s) == ("[::1]:0", 1.0)
    assert (config.drain_delay_s, config.grace_s) == (5.0, 0.0)
    assert (config.max_request_bytes, config.log_level) == (1024, "debug")
    assert config.upstreams["b"] == UpstreamSettings(
        name="b",
        base_url="https://api.example.com/v1",
        api_key=Secret("sk-file"),
        headers={"x-team": "search", "api-key": "az-key"},
        max_connections=0,
        keepalive_s=2.5,
        proxy=True,
        max_tokens_field="max_completion_tokens",
    )
    route = config.routes["org/chat"]
    assert route.primary == Deployment(
        name="a",
        upstream="b",
        model="m",
        detection=Detection(
            fields=(),
            markers=(Marker(open="[T]", close="[/T]"),),
            discard=("<|final|>",),
            initial=Channel.REASONING,
            unclosed=UnclosedPolicy.PROMOTE,
        ),
        effort=EffortPolicy(
            method=EffortMethod.TOGGLE,
            supported=(Effort.NONE, Effort.HIGH),
            default=Effort.HIGH,
            standing={"top_k": 20, "nested": {"list": [1, 2.5, "x", True]}},
            unsupported=UnsupportedPolicy.CLAMP,
            budget_field="thinking_token_budget",
        ),
        timeouts=Timeouts(
            connect_s=1.0,
            first_byte_s=2.0,
            first_token_s=2.5,
            between_reasoning_s=3.0,
            between_output_s=3.5,
            total_s=4.0,
        ),
        breaker=BreakerPolicy(
            window_s=60.0,
            minimum_calls=3,
            failure_rate=0.25,
            consecutive_failures=7,
            slow_call_s=20.0,
            slow_call_rate=0.75,
            open_s=1.0,
            open_max_s=10.0,
            jitter=0.0,
            probe_s=15.0,
            retry_after_opens=False,
            retry_after_max_s=0.0,
        ),
        extra_body={"top_k": 20, "nested": {"list": [1, 2.5, "x", True]}},
    )
    spare = Deployment(name="spare", upstream="b", model="m2")
    assert route.targets == (Target(deployment=route.primary), Target(deployment=spare, weight=2.0, priority=1))
    assert (route.fallbacks, route.strategy) == (("small",), Strategy.POWER_OF_TWO)
    assert route.retry == RetryPolicy(max_attempts=5, initial_s=0.0, max_s=8.0, max_retry_after_s=60.0)
    assert (route.when_all_open, route.on_midstream_failure) == (WhenAllOpen.TRY_SOONEST, OnMidstreamFailure.RESTART)
    assert (route.prompt_summary, route.reasoning_summary, route.raw_reasoning) == (False, True, False)
    assert route.summary_model == SummaryModel(route="small", timeout_s=1.5)
    assert config.routes["small"].reasoning_summary is False
    assert warnings(config) == ()


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_the_ground_of_a_deployment(path: Path, name: str) -> None:
    text = VALID.replace("[routes", f'preset = "{name}"\n[routes')
    deployment = loaded(path, text).routes["chat"].primary
    assert deployment.detection == PRESETS[name].detection
    assert deployment.effort == PRESETS[name].effort


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_key_overrides_its_own_field_of_the_preset_alone(path: Path, name: str) -> None:
    own = f'preset = "{name}"\ndetection.unclosed = "promote"\neffort.unsupported = "omit"\n[routes'
    deployment = loaded(path, VALID.replace("[routes", own)).routes["chat"].primary
    ground = PRESETS[name]
    assert deployment.detection.unclosed is UnclosedPolicy.PROMOTE
    assert deployment.effort.unsupported is UnsupportedPolicy.OMIT
    assert deployment.detection.markers == ground.detection.markers
    assert deployment.detection.fields == ground.detection.fields
    assert deployment.detection.initial is ground.detection.initial
    assert deployment.effort.supported == ground.effort.supported
    assert deployment.effort.method is ground.effort.method


def test_metrics_can_be_turned_off(path: Path) -> None:
    assert loaded(path, f'metrics_listen = ""\n{VALID}').metrics_listen == ""
    assert embedded("http://127.0.0.1:1/v1").metrics_listen == ""


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:50051", "localhost:1", "[::]:65535", "gateway.internal:50051", "unix:/run/triphase.sock", "_dns-x.a:0"],
)
def test_addresses_to_listen_at(path: Path, address: str) -> None:
    assert loaded(path, f'listen = "{address}"\n{VALID}').listen == address


@pytest.mark.parametrize(
    "url", ["https://api.example.com", "http://[::1]:8000/v1", "http://10.0.0.1/a/b", "HTTP://x:1"]
)
def test_urls_of_an_upstream(path: Path, url: str) -> None:
    assert loaded(path, VALID.replace("http://127.0.0.1:8000/v1", url)).upstreams["vllm"].base_url == url


def test_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / "key").write_text(" sk-1 \n", encoding="ascii")
    text = VALID.replace("[deployments", 'api_key_file = "secrets/key"\n[deployments')
    assert loaded(folder / "gateway.toml", text).upstreams["vllm"].api_key == Secret("sk-1")


def test_authorities_are_read_from_a_file(path: Path) -> None:
    (path.parent / "ca.pem").write_text(CERTIFICATE, encoding="ascii")
    text = VALID.replace("[deployments", 'ca_file = "ca.pem"\n[deployments')
    assert loaded(path, text).upstreams["vllm"].ca_file == str(path.parent / "ca.pem")


def test_warnings_tell_what_is_hardly_meant(path: Path) -> None:
    config = loaded(
        path,
        VALID.replace("127.0.0.1", "10.0.0.1")
        + 'summary_model = { route = "small" }\n'
        + "reasoning_summary = false\n"
        + '[routes.small]\ndeployments = ["a"]\n'
        + '[deployments.spare]\nupstream = "vllm"\nmodel = "m"\n'
        + '[upstreams.spare]\nbase_url = "https://x.example"\nverify_tls = false\n'
        + '[upstreams.vllm.headers_env]\nauthorization = "KEY"\n',
        environ={"KEY": "Bearer sk-1"},
    )
    assert [str(warning).removeprefix(f"{path.parent}/") for warning in warnings(config)] == [
        "gateway.toml:12: deployments.spare: no route uses this deployment",
        "gateway.toml:15: upstreams.spare: no deployment uses this upstream",
        "gateway.toml:2: upstreams.vllm.base_url: the key travels over http, so that anyone on the way can read it",
        (
            "gateway.toml:17: upstreams.spare.verify_tls: "
            "the certificate is not checked, so that anyone on the way can read along and answer"
        ),
        "gateway.toml:8: routes.chat.summary_model: without effect, since reasoning_summary is false",
    ]
    assert set(config.upstreams) == {"vllm", "spare"}


CIRCUITS = """
[deployments.b]
upstream = "vllm"
model = "org/model"
[deployments.b.breaker]
open_s = 1
[deployments.c]
upstream = "vllm"
model = "org/model"
breaker = { open_s = 5.0, failure_rate = 0.5 }
[deployments.d]
upstream = "vllm"
model = "org/other"
breaker.open_s = 2
[routes.all]
deployments = ["d", "c", "b"]
"""


def test_two_deployments_of_one_circuit_that_want_it_otherwise_are_warned_of(path: Path) -> None:
    config = loaded(path, VALID + CIRCUITS)
    assert [str(warning).removeprefix(f"{path.parent}/") for warning in warnings(config)] == [
        (
            "gateway.toml:12: deployments.b.breaker: without effect, since deployments.a has the same upstream and "
            "model, hence the same circuit, and comes first in the routes"
        )
    ]


def test_what_has_no_effect_is_warned_of(path: Path) -> None:
    config = loaded(
        path,
        VALID
        + 'fallbacks = ["other"]\non_midstream_failure = "restart"\nretry.max_attempts = 1\n'
        + '[routes.other]\ndeployments = ["a"]\nretry.max_attempts = 1\n'
        + "[deployments.a.breaker]\nslow_call_rate = 0.5\n",
    )
    assert [str(warning).removeprefix(f"{path.parent}/") for warning in warnings(config)] == [
        "gateway.toml:15: deployments.a.breaker.slow_call_rate: without effect, since slow_call_s is false",
        "gateway.toml:9: routes.chat.on_midstream_failure: without effect, since retry.max_attempts is 1",
    ]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("retry.max_attempts = 1", ["retry.max_attempts is 1", "there is no other deployment to ask"]),
        ("", ["there is no other deployment to ask"]),
        ('fallbacks = ["other"]\n[routes.other]\ndeployments = ["a"]', []),
    ],
)
def test_a_hedge_that_nobody_can_be_asked_for_is_warned_of(path: Path, more: str, why: list[str]) -> None:
    config = loaded(path, f"{VALID}hedge_after_s = 5.0\n{more}\n")
    assert [str(warning).removeprefix(f"{path.parent}/") for warning in warnings(config)] == [
        f"gateway.toml:8: routes.chat.hedge_after_s: without effect, since {one}" for one in why
    ]


def test_the_rules_of_a_circuit_can_be_turned_off(path: Path) -> None:
    off = "breaker = { failure_rate = false, consecutive_failures = false, slow_call_s = false }\n[routes"
    breaker = loaded(path, VALID.replace("[routes", off)).routes["chat"].primary.breaker
    assert breaker == BreakerPolicy(failure_rate=None, consecutive_failures=0, slow_call_s=None)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_key_to_this_machine_needs_no_warning(path: Path, host: str) -> None:
    text = VALID.replace("127.0.0.1", host).replace("[deployments", 'api_key_env = "KEY"\n[deployments')
    assert warnings(loaded(path, text, environ={"KEY": "sk-1"})) == ()


def test_a_key_by_name_of_host_over_http_is_warned_of(path: Path) -> None:
    text = VALID.replace("127.0.0.1", "engine").replace("[deployments", 'api_key_env = "KEY"\n[deployments')
    (warning,) = warnings(loaded(path, text, environ={"KEY": "sk-1"}))
    assert (warning.line, warning.key) == (2, "upstreams.vllm.base_url")


def test_the_embedded_default_needs_no_file() -> None:
    config = embedded("http://127.0.0.1:4321/v1/", listen="127.0.0.1:0")
    route = config.routes["reference"]
    assert config.listen == "127.0.0.1:0"
    assert config.upstreams == {"embedded": UpstreamSettings(name="embedded", base_url="http://127.0.0.1:4321/v1")}
    assert (route.primary.name, route.primary.model) == ("embedded/reference", "triphase-reference")
    assert route.primary.detection.markers == (Marker(open="<think>", close="</think>"),)
    assert route.primary.effort == EffortPolicy(method=EffortMethod.FIELD, supported=tuple(Effort))
    assert embedded("http://127.0.0.1:1/v1").listen == "127.0.0.1:50051"
