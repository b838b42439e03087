"""Where the admin service may be, and finding it by the file alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from triphase_server.config import ConfigError, admin_listen, embedded, load

PHRASE = (
    'gateway.toml:1: admin_listen: expected an address of this machine alone such as "127.0.0.1:50052" or '
    '"unix:/run/triphase-admin.sock", or ""'
)
LONGEST = f"unix:/{'x' * 99}"  # to which three characters more are added for workers

Told = Callable[[str], list[str]]


@pytest.mark.parametrize("address", ["", "127.0.0.1:50052", "127.9.9.9:0", "[::1]:50052", "localhost:50052", LONGEST])
def test_addresses_of_this_machine(address: str, valid: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f'admin_listen = "{address}"\n{valid}')
    assert load(path, environ={}).admin_listen == admin_listen(path) == address


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:50052",
        "[::]:50052",
        "192.0.2.1:50052",
        "gateway.internal:50052",
        "50052",
        "unix:relative",
        f"{LONGEST}x",
    ],
)
def test_addresses_that_others_reach_and_no_addresses(address: str, valid: str, told: Told) -> None:
    (problem,) = told(f'admin_listen = "{address}"\n{valid}')
    assert problem.startswith(f'{PHRASE}, got "{address[:50]}')


def test_it_is_off_unless_somebody_gives_it_an_address(valid: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(valid)
    assert load(path, environ={}).admin_listen == admin_listen(path) == embedded("http://127.0.0.1:1/v1").admin_listen
    assert admin_listen(path) == ""


@pytest.mark.parametrize("other", ["listen", "metrics_listen"])
def test_an_address_that_another_has_already(other: str, valid: str, told: Told) -> None:
    text = f'admin_listen = "127.0.0.1:7000"\n{other} = "127.0.0.1:7000"\n{valid}'
    problem = f"gateway.toml:1: admin_listen: expected an address of its own; this one is that of {other}"
    assert told(text) == [problem]


def test_free_ports_are_not_the_same_and_two_that_are_off_neither(valid: str, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    for same in ('admin_listen = "127.0.0.1:0"\nlisten = "127.0.0.1:0"', 'admin_listen = ""\nmetrics_listen = ""'):
        path.write_text(f"{same}\n{valid}")
        load(path, environ={})


def test_the_file_alone_tells_where_it_is_whatever_else_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('admin_listen = "127.0.0.1:7"\n[upstreams.u]\nbase_url = "x"\napi_key_env = "NOT_IN_THIS_SHELL"\n')
    assert admin_listen(path) == "127.0.0.1:7"


def test_a_file_that_tells_it_wrongly_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    for text, message in (("admin_listen = 3", "expected an address of this machine"), ("=", "expected valid TOML")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            admin_listen(path)
    with pytest.raises(ConfigError, match="there is none"):
        admin_listen(tmp_path / "none.toml")
