"""`docs/metrics.md` tells of the same metrics as the gateway has, and its alarms ask for such as there are."""

import re
from pathlib import Path

from triphase_server.rpc.status import TABLE
from triphase_server.telemetry.families import FAMILIES
from triphase_server.telemetry.log import DEFECT
from triphase_server.telemetry.metrics import Registry

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"
TEXT = DOCS.read_text(encoding="utf-8")


def test_every_metric_is_documented_with_its_kind_and_labels() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line[:3] == "| `"]
    common = "gen_ai_operation_name gen_ai_provider_name gen_ai_request_model"
    told = {row[0].strip("`"): (row[1], row[2].replace("`", "").replace("GenAI", common).split()) for row in rows}
    assert told == {family.name: (family.kind.value, list(family.labels)) for family in FAMILIES}


def test_the_examples_ask_for_metrics_and_labels_that_there_are() -> None:
    examples = "".join(re.findall(r"^```promql\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
    families = {family.name: family for family in FAMILIES}
    labels = {label for family in FAMILIES for label in family.labels}
    asked = re.findall(r"\b((?:gen_ai|triphase)_[a-z_]+)(?:\{(.*?)\})?", examples)
    metrics = [(name.removesuffix("_bucket"), matchers) for name, matchers in asked if name not in labels]
    assert len(metrics) >= 10
    for name, matchers in metrics:
        assert set(re.findall(r"(\w+)[=!]", matchers)) <= set(families[name].labels), name


def test_a_defect_has_the_word_that_callers_are_told() -> None:
    assert DEFECT in {mapped.reason for mapped in TABLE.values()}


def test_names_are_kept_by_the_exposition() -> None:
    exposed = {metric.name for metric in Registry().collector.collect()}
    assert exposed == {family.name.removesuffix("_total") for family in FAMILIES}
