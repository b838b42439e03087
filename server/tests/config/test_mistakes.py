"""For each key of the file: values that it does not take, and what is told instead."""

from collections.abc import Callable

import pytest

Told = Callable[[str], list[str]]
WithLine = Callable[[str, str], str]

SERVER = [
    ('listen = "127.0.0.1"', 'an address such as "127.0.0.1:50051", "[::1]:50051" or "unix:/run/triphase.sock"'),
    ('listen = "::1:50051"', "an address such as "),
    ('listen = "[127.0.0.1]:1"', "an address such as "),
    ('listen = "256.0.0.1:1"', "an address such as "),
    ('listen = "a..b:1"', "an address such as "),
    ('listen = ":50051"', "an address such as "),
    ('listen = "localhost:65536"', "an address such as "),
    ('listen = "localhost:http"', "an address such as "),
    ('listen = "unix:relative"', "an address such as "),
    (f'listen = "unix:/{"x" * 103}"', "an address such as "),
    ('metrics_listen = "unix:/run/m"', 'an address such as "127.0.0.1:9464" or "[::1]:9464", or "" for none'),
    ("listen = 50051", "an address such as "),
    ("heartbeat_s = 0", "a number of seconds more than 0 and at most 86400 (a day), got 0"),
    ("heartbeat_s = nan", "a number of seconds more than 0 and at most 86400 (a day), got nan"),
    ("heartbeat_s = true", "a number of seconds more than 0 and at most 86400 (a day), got true"),
    ("heartbeat_s = 07:32:00", "a number of seconds more than 0 and at most 86400 (a day), got a date or time"),
    ("heartbeat_s = {}", "a number of seconds more than 0 and at most 86400 (a day), got a table"),
    ("heartbeat_s = [1]", "a number of seconds more than 0 and at most 86400 (a day), got a list of 1"),
    ("drain_delay_s = -1", "a number of seconds from 0 to 86400 (a day), got -1"),
    ("grace_s = -1", "a number of seconds from 0 to 86400 (a day), got -1"),
    ("max_request_bytes = 1.5", "a whole number of bytes from 1024 to 1073741824 (1 GiB), got 1.5"),
    ("max_request_bytes = 2000000000", "a whole number of bytes from 1024 to 1073741824 (1 GiB), got 2000000000"),
    ('log_level = "INFO"', 'debug, info, warning or error, got "INFO"'),
    (
        "workers = 1",
        "a known key (listen, metrics_listen, admin_listen, heartbeat_s, drain_delay_s, grace_s, max_request_bytes, ",
    ),
    ("heartbeats = 1", "a known key ("),
    (
        'token = "x"',
        "no secret in this file; name the environment variable that holds it in the upstream's api_key_env",
    ),
]

UPSTREAM = [
    ('base_url = "127.0.0.1:8000"', 'an http or https URL such as "http://127.0.0.1:8000/v1", without user, '),
    ('base_url = "ftp://x/v1"', "an http or https URL "),
    ('base_url = "http://"', "an http or https URL "),
    ('base_url = "http://user:pass@x/v1"', "an http or https URL "),
    ('base_url = "http://x/v1?key=1"', "an http or https URL "),
    ('base_url = "http://x/v1#"', "an http or https URL "),
    ('base_url = "http://x:99999/v1"', "an http or https URL "),
    ('base_url = "http://x y/v1"', "an http or https URL "),
    ('base_url = "http://[::1/v1"', "an http or https URL "),
    ('api_key_env = "NONE"', "the name of an environment variable that is set; this one is not"),
    ('api_key_env = ""', "the name of an environment variable that holds the secret"),
    ("api_key_env = 3", "the name of an environment variable that holds the secret, got 3"),
    ('api_key_env = "EMPTY"', "a key; the environment variable is empty"),
    ('api_key_env = "SPLIT"', "a key of at most 16384 visible ASCII characters; the environment variable holds "),
    ('api_key_env = "LONG"', "a key of at most 16384 visible ASCII characters; the environment variable holds "),
    ('api_key_file = "none"', "the path of a readable file that holds the key; No such file or directory"),
    ('api_key_file = "."', "the path of a readable file that holds the key; Is a directory"),
    ('api_key_file = "a\\u0000b"', "the path of a readable file that holds the key; no valid path"),
    ("api_key_file = false", "the path of a file that holds the key, got false"),
    (
        'api_key = "k"',
        "no secret in this file; name the environment variable that holds it in the upstream's api_key_env",
    ),
    ('headers = { authorization = "k" }', "no secret in this file; name the environment variable that holds it in "),
    ('headers = { Host = "x" }', "a header that the gateway does not set itself"),
    ('headers = { "x y" = "x" }', "the name of an HTTP header"),
    ('headers = { x = "a\\r\\nb: c" }', "a header's value, in visible ASCII characters"),
    ("headers = { x = 1 }", "a header's value, in visible ASCII characters, got 1"),
    ('headers = "x"', "a table"),
    ('headers_env = { x = "SPLIT" }', "a header's value of at most 16384 visible ASCII characters; the environment "),
    ('headers_env = { x = "EMPTY" }', "a header's value of at most 16384 visible ASCII characters; the environment "),
    ('headers_env = { x = "NONE" }', "the name of an environment variable that is set; this one is not"),
    ('verify_tls = "no"', "true or false"),
    ("verify_tls = 0", "true or false, got 0"),
    ('ca_file = "none.pem"', "the path of a PEM file with certificates; No such file or directory"),
    ('ca_file = "gateway.toml"', "the path of a PEM file with certificates; it holds none"),
    ("ca_file = 1", "the path of a PEM file with certificates, got 1"),
    ("max_connections = -1", "a whole number from 0 (no bound) to 100000, got -1"),
    ("keepalive_s = 0", "a number of seconds more than 0 and at most 86400 (a day), got 0"),
    ('max_tokens_field = "max"', 'max_tokens or max_completion_tokens, got "max"'),
    ("timeout = 3", "a known key (base_url, api_key_env, api_key_file, "),
]

DEPLOYMENT = [
    ('upstream = "vlm"', 'the name of an upstream (vllm), got "vlm"; did you mean "vllm"?'),
    ('model = ""', 'the upstream\'s name of a model, got ""'),
    ('preset = "no-such"', "the name of a preset ("),
    ("detection = 1", "a table, got 1"),
    ('detection.fields = "reasoning"', "a list"),
    (
        'detection.fields = ["content"]',
        'the name of a field that holds thoughts, such as "reasoning_content", got "cont',
    ),
    ('detection.markers = [["<a>", "<a>"]]', 'two different texts of 1 to 200 characters, such as ["<think>", "</thi'),
    ('detection.markers = [["", "<a>"]]', "two different texts of 1 to 200 characters"),
    ('detection.markers = [["<a>"]]', "two different texts of 1 to 200 characters"),
    ('detection.markers = ["<a>"]', "two different texts of 1 to 200 characters"),
    ('detection.markers = [["<a>", "b"], ["<a>", "c"]]', "an opening marker that has no other meaning; this one "),
    ('detection.markers = [["<a>", "b"], ["b", "c"]]', "an opening marker that has no other meaning; this one "),
    ('detection.discard = [""]', 'a text of 1 to 200 characters, got ""'),
    (f"detection.discard = {['x'] * 33}", "fewer items"),
    ('detection.initial = "think"', 'reasoning or output, got "think"'),
    ('detection.unclosed = "drop"', 'keep or promote, got "drop"'),
    ('detection.marker = ""', 'a known key (fields, markers, discard, initial, unclosed); did you mean "markers"?'),
    ('effort.method = "effort"', "one of reasoning_effort, chat_template_kwargs.reasoning_effort, chat_template_kwarg"),
    ('effort.supported = ["lo"]', 'one of none, minimal, low, medium, high, xhigh, max, got "lo"'),
    ('effort = { supported = ["low"], default = "high" }', "a default that is supported (low)"),
    ('effort.unsupported = "ignore"', 'one of reject, clamp, omit, got "ignore"'),
    ('effort.budget_field = "model"', "the name of the body field that bounds reasoning tokens, or "),
    ('timeouts.connect_s = "fast"', 'a number of seconds more than 0 and at most 86400 (a day), got "fast"'),
    ("timeouts.first_token_s = 0", "a number of seconds more than 0 and at most 86400 (a day), got 0"),
    ("timeouts.between_output_s = 1e9", "a number of seconds more than 0 and at most 86400 (a day), got 1000000000.0"),
    (
        "timeouts.read_s = 1",
        "a known key (connect_s, first_byte_s, first_token_s, between_reasoning_s, between_output_s, total_s)",
    ),
    ("breaker = false", "a table, got false"),
    ("breaker.window_s = 0.5", "a number of seconds from 1 to 86400 (a day), got 0.5"),
    ("breaker.minimum_calls = 0", "a whole number from 1 to 1000000, got 0"),
    ("breaker.failure_rate = 50", "a share more than 0 and at most 1, or false (off), got 50"),
    ("breaker.failure_rate = 0", "a share more than 0 and at most 1, or false (off), got 0"),
    ("breaker.failure_rate = 0.0", "a share more than 0 and at most 1, or false (off), got 0.0"),
    ("breaker.failure_rate = true", "a share more than 0 and at most 1, or false (off), got true"),
    ('breaker.failure_rate = "off"', 'a share more than 0 and at most 1, or false (off), got "off"'),
    ("breaker.consecutive_failures = 0", "a whole number from 1 to 1000000, or false (off), got 0"),
    ("breaker.consecutive_failures = 2.5", "a whole number from 1 to 1000000, or false (off), got 2.5"),
    ("breaker.slow_call_s = -1", "a number of seconds more than 0 and at most 86400 (a day), or false (off), got -1"),
    ("breaker.slow_call_rate = false", "a share more than 0 and at most 1, got false"),
    ("breaker.slow_call_rate = nan", "a share more than 0 and at most 1, got nan"),
    ("breaker.open_s = 0", "a number of seconds more than 0 and at most 86400 (a day), got 0"),
    ("breaker.open_s = 121", "no more than open_max_s, which is 120.0 by default; got 121"),
    ("breaker.open_max_s = inf", "a number of seconds more than 0 and at most 86400 (a day), got inf"),
    ("breaker.open_max_s = 4", "no less than open_s, which is 5.0; got 4"),
    ("breaker.jitter = 1", "a share from 0 up to but not 1, got 1"),
    ("breaker.probe_s = 0", "a number of seconds more than 0 and at most 86400 (a day), got 0"),
    ("breaker.retry_after_opens = 1", "true or false, got 1"),
    ("breaker.retry_after_max_s = -1", "a number of seconds from 0 to 86400 (a day), got -1"),
    ("breaker.failure_rates = 1", "a known key (window_s, minimum_calls, failure_rate, consecutive_failures, slow_c"),
    ("extra_body.stream = false", "no field that the gateway sets itself"),
    (
        "extra_body.a = [1, { b = inf }]",
        "what an engine can read: no date, time, infinity or integer of more than 64 bits, at most 64 levels",
    ),
    (f"extra_body.a = {'[' * 64}{']' * 64}", "what an engine can read: "),
    ("extra_body.a = 1979-05-27", "what an engine can read: "),
    ("extra_body.a = 9223372036854775808", "what an engine can read: "),
]

ROUTE = [
    ("deployments = []", "at least one item"),
    ('deployments = "a"', "a list"),
    ('deployments = ["a", "a"]', "each deployment once; this one is repeated"),
    ('deployments = ["a", { name = "a" }]', "each deployment once; this one is repeated"),
    ('deployments = ["b"]', 'the name of a deployment (a), got "b"'),
    ("deployments = [1]", 'the name of a deployment, or a table such as { name = "a", weight = 2.0 }, got 1'),
    ('deployments = [["a"]]', 'the name of a deployment, or a table such as { name = "a", weight = 2.0 }, got ["a"]'),
    ('deployments = [{ name = "b" }]', 'the name of a deployment (a), got "b"'),
    ("deployments = [{ name = 1 }]", "a text, got 1"),
    ("deployments = [{ weight = 1 }]", "this key, which has no default"),
    ('deployments = [{ name = "a", wait = 1 }]', 'a known key (name, weight, priority); did you mean "weight"?'),
    ('deployments = [{ name = "a", weight = -1 }]', "a number from 0 to 1000000, got -1"),
    ('deployments = [{ name = "a", weight = inf }]', "a number from 0 to 1000000, got inf"),
    ('deployments = [{ name = "a", weight = nan }]', "a number from 0 to 1000000, got nan"),
    ('deployments = [{ name = "a", weight = "1" }]', 'a number from 0 to 1000000, got "1"'),
    ('deployments = [{ name = "a", weight = 0 }]', "a weight more than 0 where priority is 0; weights of zero take no"),
    (
        'deployments = [{ name = "a", weight = 0, priority = 0.5 }]',
        "a whole number from 0 (asked first) to 1000, got 0",
    ),
    ('deployments = [{ name = "a", priority = -1 }]', "a whole number from 0 (asked first) to 1000, got -1"),
    ("fallbacks = 1", "a list, got 1"),
    ("fallbacks = [1]", "a text, got 1"),
    ('fallbacks = ["chart"]', 'the name of a route (chat), got "chart"; did you mean "chat"?'),
    ('fallbacks = ["chat"]', "fallbacks that do not lead back; these go chat → chat"),
    ('strategy = "random"', 'one of weighted_random, least_in_flight, power_of_two, got "random"'),
    ('when_all_open = "wait"', 'fail_fast or try_soonest, got "wait"'),
    ('on_midstream_failure = "retry"', 'fail or restart, got "retry"'),
    ("retry = 3", "a table, got 3"),
    ("retry.max_attempts = 0", "a whole number of attempts from 1 to 100, got 0"),
    ("retry.initial_s = -1", "a number of seconds from 0 to 86400 (a day), got -1"),
    ("retry.initial_s = 5", "no more than max_s, which is 4.0 by default; got 5"),
    ("retry.max_s = 0", "no less than initial_s, which is 0.25; got 0"),
    ("retry.max_s = true", "a number of seconds from 0 to 86400 (a day), got true"),
    ("retry.max_retry_after_s = nan", "a number of seconds from 0 to 86400 (a day), got nan"),
    ("retry.attempts = 1", "a known key (max_attempts, initial_s, max_s, max_retry_after_s); did you mean "),
    ('prompt_summary = "yes"', "true or false"),
    ('summary_model.route = "chart"', 'the name of a route (chat), got "chart"; did you mean "chat"?'),
    ('summary_model.route = "chat"', 'a route that has no summary model of its own, got "chat"'),
    ("summary_model = {}", "this key, which has no default"),
    ("summary_model = { route = 1 }", "a text, got 1"),
    (
        "weights = 1",
        "a known key (deployments, fallbacks, strategy, hedge_after_s, retry, limits, when_all_open, ",
    ),
    ("affinity = true", "a known key (deployments, "),
]


@pytest.mark.parametrize(
    ("table", "line", "phrase"),
    [
        (table, line, phrase)
        for table, cases in {
            "": SERVER,
            "upstreams.vllm": UPSTREAM,
            "deployments.a": DEPLOYMENT,
            "routes.chat": ROUTE,
        }.items()
        for line, phrase in cases
    ],
)
def test_a_mistake_is_told_at_its_key(told: Told, with_line: WithLine, table: str, line: str, phrase: str) -> None:
    text = with_line(table, line)
    key = ".".join(part for part in (table, line.split(" =", maxsplit=1)[0]) if part)
    (problem,) = told(text)
    place, where, message = problem.split(": ", maxsplit=2)
    assert place == f"gateway.toml:{text.splitlines().index(line) + 1}"
    assert where.startswith(key)
    assert message.startswith(f"expected {phrase}")
