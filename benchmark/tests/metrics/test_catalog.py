"""The table of metrics, and the glossary, which is its contract."""

import re
from pathlib import Path

from triphase_benchmark.metrics.catalog import METRICS
from triphase_benchmark.report.words import LABELS

GLOSSARY = Path(__file__).parents[3] / "GLOSSARY.md"
_ROW = re.compile(r"^\| [^|]+ \| `(\w+)` \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def test_the_glossary_has_each_metric_with_its_unit_and_no_other() -> None:
    told = dict(_ROW.findall(GLOSSARY.read_text(encoding="utf-8")))
    assert told == {metric.name: metric.unit for metric in METRICS.values()}


def test_each_metric_has_words_for_readers() -> None:
    assert METRICS.keys() == LABELS.keys()
