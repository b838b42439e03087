"""`docs/configuration.md` and the JSON Schema tell of the same keys and defaults as the gateway has."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from triphase_server.config import json_schema, load, warnings
from triphase_server.config.problems import TABLES
from triphase_server.core.presets import PRESETS
from triphase_server.core.routing import Strategy

DOCS = Path(__file__).parents[3] / "docs" / "configuration.md"

HEADINGS = {
    (): "The top of the file",
    ("limits",): "`[limits]`",
    ("validation",): "`[validation]`",
    ("upstreams", "*"): "`[upstreams.NAME]`",
    ("upstreams", "*", "limits"): "`[upstreams.NAME.limits]`",
    ("deployments", "*"): "`[deployments.NAME]`",
    ("deployments", "*", "detection"): "`[deployments.NAME.detection]`",
    ("deployments", "*", "effort"): "`[deployments.NAME.effort]`",
    ("deployments", "*", "messages"): "`[deployments.NAME.messages]`",
    ("deployments", "*", "enforcement"): "`[deployments.NAME.enforcement]`",
    ("deployments", "*", "timeouts"): "`[deployments.NAME.timeouts]`",
    ("deployments", "*", "breaker"): "`[deployments.NAME.breaker]`",
    ("deployments", "*", "errors", "*"): "`[[deployments.NAME.errors]]`",
    ("routes", "*"): "`[routes.NAME]`",
    ("routes", "*", "deployments", "*"): "An item of `deployments` in a route",
    ("routes", "*", "retry"): "`[routes.NAME.retry]`",
    ("routes", "*", "limits"): "`[routes.NAME.limits]`",
    ("routes", "*", "summary_model"): "`summary_model` of a route",
}


def rows(heading: str) -> list[list[str]]:
    """Returns the cells of the table under a heading of the documentation, without its head."""
    section = re.split(r"\n#+ ", DOCS.read_text(encoding="utf-8").split(f"# {heading}\n")[1])[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def default_of(model: type[BaseModel], name: str) -> str:
    """Returns a key's default as the documentation writes it."""
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    match field.default:
        case None:
            return "none"
        case BaseModel():
            return "below"
        case value:
            return f"`{json.dumps(value)}`"


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_work(tmp_path: Path, number: int) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(examples) == 2
    path = tmp_path / "gateway.toml"
    path.write_text(examples[number], encoding="utf-8")
    config = load(path, environ={"HOSTED_API_KEY": "k", "HOSTED_ACCOUNT": "a"})
    assert [str(warning) for warning in warnings(config)] == []
    assert set(config.routes) == [{"qwen3"}, {"Qwen/Qwen3-8B", "planner", "small"}][number]


@pytest.mark.parametrize("where", TABLES)
def test_every_key_is_documented_with_its_default(where: tuple[str, ...]) -> None:
    model = TABLES[where]
    told = [(key, default) for key, default, _ in rows(HEADINGS[where])]
    assert told == [(f"`{name}`", default_of(model, name)) for name in model.model_fields]


def test_every_preset_is_documented() -> None:
    def efforts(name: str) -> str:
        supported = PRESETS[name].effort.efforts
        return "all" if len(supported) == 7 else ", ".join(supported) or "none can be asked"

    told = {name.strip("`"): (initial, asked) for name, _, initial, asked in rows("Presets")}
    assert told == {name: (preset.detection.initial.value, efforts(name)) for name, preset in PRESETS.items()}


def nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def test_the_json_schema_knows_the_keys_of_every_table() -> None:
    schema = json_schema()
    tables = {node["title"]: node for node in nodes(schema) if node.get("additionalProperties") is False}
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert len(tables) == len(TABLES)
    for where, model in TABLES.items():
        table = tables[model.__name__ if where else schema["title"]]
        assert set(table["properties"]) == set(model.model_fields)
        required = {name for name, field in model.model_fields.items() if field.is_required()}
        assert set(table.get("required", ())) == required


def test_the_json_schema_knows_both_forms_of_a_deployment_and_how_a_rule_is_turned_off() -> None:
    tables = json_schema()["$defs"]
    items = tables["RouteTable"]["properties"]["deployments"]["items"]
    assert items == {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/TargetTable"}]}
    for rule in ("failure_rate", "consecutive_failures", "slow_call_s"):
        assert {"const": False, "type": "boolean"} in tables["BreakerTable"]["properties"][rule]["anyOf"]


def test_every_strategy_is_documented() -> None:
    assert [name for name, _ in rows("Which deployment is asked")] == [f"`{strategy}`" for strategy in Strategy]


def test_the_json_schema_has_no_null_and_leads_nowhere_else() -> None:
    schema = json_schema()
    assert re.search(r"\bnull\b", json.dumps(schema)) is None
    references = {node["$ref"] for node in nodes(schema) if "$ref" in node}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}
