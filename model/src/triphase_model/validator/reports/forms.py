"""The forms of a report by name, as the option `--format` of each command line takes them."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from triphase_model.validator.checking import Result
from triphase_model.validator.reports.machine import github_report, json_report, sarif_report
from triphase_model.validator.reports.text import text_report


class Form(StrEnum):
    """The forms of a report."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


_REPORTS: Final[Mapping[Form, Callable[[Result], str]]] = {
    Form.TEXT: text_report,
    Form.JSON: json_report,
    Form.SARIF: sarif_report,
    Form.GITHUB: github_report,
}


def report(result: Result, form: Form) -> str:
    """Returns a result in a form; empty where that form has nothing to tell."""
    return _REPORTS[form](result)
