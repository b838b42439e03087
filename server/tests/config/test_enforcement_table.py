"""`[deployments.NAME.enforcement]`: what a model's own files say, what lies over that, and what is told of mistakes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from triphase_server.config import GatewayConfig, changes, load, loading, warnings
from triphase_server.config.effective import effective
from triphase_server.config.schema_enforcement import EnforcementTable
from triphase_server.core.detection import Marker
from triphase_server.core.enforcement import Enforcement, Template, Way

REFERENCE = Path(__file__).parents[3] / "model/src/triphase_model/reference"
Told = Callable[[str], list[str]]
FILES = 'template = "chat.jinja"\ncontrol_tokens = ["<s>"]\n'


@pytest.fixture
def read(valid: str, tmp_path: Path) -> Callable[..., GatewayConfig]:
    """Reads the valid file with a table, and lines of the deployment before it."""
    (tmp_path / "chat.jinja").write_text("{{ messages }}")

    def read(table: str, *, before: str = "") -> GatewayConfig:
        path = tmp_path / "gateway.toml"
        text = valid.replace('model = "org/model"\n', f'model = "org/model"\n{before}')
        path.write_text(f"{text}[deployments.a.enforcement]\n{table}")
        return load(path, environ={})

    return read


def enforcement(config: GatewayConfig) -> Enforcement:
    found = config.deployments["a"].enforcement
    assert found is not None
    return found


def test_without_the_table_the_gateway_closes_nothing(valid: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(valid)
    one = load(path, environ={}).deployments["a"]
    assert (one.enforcement, one.effort.enforces) == (None, False)


def test_a_repository_says_everything(read: Callable[..., GatewayConfig]) -> None:
    config = read("", before=f'repository = "{REFERENCE}"\n')
    found = enforcement(config)
    assert found.template.source == (REFERENCE / "chat_template.jinja").read_text()
    assert found.template.tokens == {"bos_token": "<s>", "eos_token": "<|end|>", "unk_token": "<unk>"}
    assert {"<s>", "<|end|>", "<|user|>", "<|assistant|>", "<think>", "</think>"} <= set(found.controls)
    assert found.tokenizer == str(REFERENCE / "tokenizer.model")
    assert config.deployments["a"].effort.enforces


def test_what_the_file_sets_lies_over_the_repository(read: Callable[..., GatewayConfig], tmp_path: Path) -> None:
    table = FILES + (
        'template_tokens = { bos_token = "<b>" }\nway = "prefill"\nmarker = ["[T]", "[/T]"]\nopening = "[T]"\n'
        'closing = "[/T]\\n"\nsentence = " So:"\nanswer_tokens = 9\nbody = { a = 1 }\nextending = "Hm"\n'
        'extensions = 0\nreopenings = 1\ntokenizer = ""\ncharacters_per_token = 4.5\n'
    )
    found = enforcement(read(table, before=f'repository = "{REFERENCE}"\n'))
    assert found.template == Template(
        source="{{ messages }}", tokens={"bos_token": "<b>", "eos_token": "<|end|>", "unk_token": "<unk>"}
    )
    assert (found.way, found.marker, found.opening) == (Way.PREFILL, Marker(open="[T]", close="[/T]"), "[T]")
    assert (found.closing, found.sentence, found.answer_tokens) == ("[/T]\n", " So:", 9)
    assert (found.body, found.extending, found.extensions, found.reopenings) == ({"a": 1}, "Hm", 0, 1)
    assert (found.tokenizer, found.characters_per_token) == ("", 4.5)
    assert {"<s>", "[T]", "[/T]"} <= set(found.controls)
    assert "<think>" not in found.controls  # a word of the vocabulary that neither template nor marker writes


def test_without_a_tokenizer_an_estimate_counts(read: Callable[..., GatewayConfig]) -> None:
    assert enforcement(read(FILES)).tokenizer == ""


def test_a_tokenizer_that_cannot_be_read_is_warned_of(read: Callable[..., GatewayConfig], tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    config = read(FILES, before=f'repository = "{tmp_path}"\n')
    assert enforcement(config).tokenizer == ""
    [warning] = warnings(config)
    assert "deployments.a.enforcement: tokens are only estimated" in str(warning)
    assert "tokenizer.json: it is no tokenizer.json" in str(warning)
    assert warnings(read(FILES + 'tokenizer = ""\n', before=f'repository = "{tmp_path}"\n')) == ()


def test_how_a_thought_ends_is_known_of_families(read: Callable[..., GatewayConfig]) -> None:
    found = enforcement(read(FILES, before='preset = "gpt-oss"\n'))
    assert found.opening == found.marker.open == "<|channel|>analysis<|message|>"
    assert found.closing == "<|end|><|start|>assistant<|channel|>final<|message|>"
    plain = enforcement(read(FILES, before='detection = { markers = [["<a>", "</a>"]] }\n'))
    assert (plain.opening, plain.closing) == ("<a>\n", "\n</a>\n\n")


def test_tokens_that_may_be_text_count_only_where_the_template_writes_them(
    read: Callable[..., GatewayConfig], tmp_path: Path
) -> None:
    added = [{"content": text, "special": False} for text in ("\n\n", "<table>", "<call>")]
    (tmp_path / "tokenizer.json").write_text(
        json.dumps({"added_tokens": [*added, {"content": "<x>", "special": True}]})
    )
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": [{"name": "default", "template": "<call>\n\n"}], "eos_token": {"content": "<e>"}})
    )
    found = enforcement(read('tokenizer = ""\n', before=f'repository = "{tmp_path}"\n'))
    assert set(found.controls) == {"<x>", "<e>", "<call>", "<think>", "</think>"}
    assert found.template == Template(source="<call>\n\n", tokens={"eos_token": "<e>"})


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("", "template: expected a chat template, from a file or from the deployment's repository"),
        ('template = "none.jinja"\n', "template: expected the path of a chat template; there is no such file"),
        ('template = "latin.jinja"\n', "template: expected the path of a chat template; this file is not UTF-8"),
        ('template = "chat.jinja"\n', "control_tokens: expected the texts that are control tokens, from here or"),
        (FILES + 'marker = ["a", "a"]\n', "marker: expected two different texts"),
        (FILES + 'closing = ""\n', "closing: expected a text of 1 to 2000 characters"),
        (FILES + "answer_tokens = 0\n", "answer_tokens: expected a whole number of tokens from 1 to 10000000, got 0"),
        (FILES + "extensions = -1\n", "extensions: expected a whole number from 0 to 100, got -1"),
        (FILES + "characters_per_token = 0.1\n", "characters_per_token: expected a number of characters from 0.5"),
        (FILES + 'way = "chat"\n', 'way: expected completions or prefill, got "chat"'),
        (FILES + 'tokenizer = "none.model"\n', "tokenizer: expected the path of a tokenizer.model or tokenizer.json"),
        (FILES + 'template_tokens = { bos = "x" }\n', 'template_tokens: expected texts by names such as "bos_token"'),
        (FILES + "body = { model = 1 }\n", "body.model: expected no field that the gateway sets itself"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(table: str, problem: str, valid: str, told: Told, tmp_path: Path) -> None:
    (tmp_path / "chat.jinja").write_text("{{ messages }}")
    (tmp_path / "latin.jinja").write_bytes(b"\xe9")
    [message] = told(f"{valid}[deployments.a.enforcement]\n{table}")
    assert f"deployments.a.enforcement.{problem}" in message


def test_a_detection_without_markers_needs_one(read: Callable[..., GatewayConfig], valid: str, told: Told) -> None:
    read(FILES)  # writes the template
    text = valid.replace('model = "org/model"\n', 'model = "org/model"\npreset = "fields"\n')
    [message] = told(f"{text}[deployments.a.enforcement]\n{FILES}")
    assert "deployments.a.enforcement.marker: expected a pair of markers" in message
    own = f'{FILES}marker = ["<t>", "</t>"]\n'
    assert enforcement(read(own, before='preset = "fields"\n')).opening == "<t>\n"


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_repository_that_cannot_be_read_is_told(name: str, valid: str, told: Told, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no JSON")
    text = valid.replace('model = "org/model"\n', f'model = "org/model"\nrepository = "{tmp_path}"\n')
    [message] = told(f"{text}[deployments.a.enforcement]\n")
    assert f"expected a model repository; its {name} cannot be read" in message


def test_another_template_is_another_configuration(read: Callable[..., GatewayConfig], tmp_path: Path) -> None:
    before = read(FILES)
    (tmp_path / "chat.jinja").write_text("other")
    after = load(tmp_path / "gateway.toml", environ={})
    assert changes(before, after).told == {"deployments_changed": "a"}
    assert tmp_path / "chat.jinja" in loading.files_of(tmp_path / "gateway.toml")


def test_what_is_in_force_is_told_without_the_template(read: Callable[..., GatewayConfig]) -> None:
    told = effective(read(FILES + 'body = { a = "secret" }\n'))["deployments"]["a"]["enforcement"]
    assert told["way"] == "completions"
    assert told["body"] == {"a": "hidden"}
    assert len(told["template_sha256"]) == 64
    assert not {"template", "controls"} & told.keys()


def test_the_defaults_are_those_of_the_values() -> None:
    values = Enforcement(template=Template(source=""), controls=())
    for name in ("sentence", "answer_tokens", "way", "extending", "extensions", "reopenings", "characters_per_token"):
        assert EnforcementTable.model_fields[name].default == getattr(values, name)
