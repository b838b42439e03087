"""What the check of the Go client's stubs tells; generating and testing are `tox -e go`."""

from pathlib import Path

import check_go
import pytest


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.pb.go").write_text(text)


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check_go, "MODULE", tmp_path / "module")
    for name in check_go.STUBS:
        write(tmp_path / "module" / name, x="1")
    return tmp_path / "module"


@pytest.mark.usefixtures("committed")
def test_equal_stubs_do_not_differ(tmp_path: Path) -> None:
    for name in check_go.STUBS:
        write(tmp_path / "new" / name, x="1")
    assert list(check_go.stub_differences(tmp_path / "new")) == []


@pytest.mark.usefixtures("committed")
def test_each_difference_is_told(tmp_path: Path) -> None:
    write(tmp_path / "new/gatewayv1", x="2")
    write(tmp_path / "new/laterv1", x="1")
    write(tmp_path / "new/modelv1", x="1")
    assert list(check_go.stub_differences(tmp_path / "new")) == [
        "no proto package any more: adminv1",
        "not committed: laterv1",
        "gatewayv1: differs: x.pb.go",
    ]


def test_the_committed_folders_are_those_that_are_compared() -> None:
    committed = {path.parent.name for path in check_go.MODULE.rglob("*.pb.go")}
    assert committed == set(check_go.STUBS)
