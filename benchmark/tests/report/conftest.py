import pytest
from report.runs import a_run
from triphase_benchmark.report.gathered import Gathered, gathered
from triphase_benchmark.report.inputs import Inputs


@pytest.fixture(scope="session")
def run() -> Inputs:
    return a_run()


@pytest.fixture(scope="session")
def found(run: Inputs) -> Gathered:
    return gathered(run)
