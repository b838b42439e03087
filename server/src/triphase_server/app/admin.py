"""Whether a gateway has an admin service, and where that of each worker listens.

Rule: where it is off, nothing of it is loaded. It is there from before the first request to after the last, so that a
drain can be watched. What it answers is `service/administration.py`; the commands that ask it, `admin_commands.py`.
"""

import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from triphase_server.config import GatewayConfig
from triphase_server.rpc.admin.addresses import of_workers
from triphase_server.service.administration import Administration, Place
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet

_log = logging.getLogger("triphase.gateway")


@asynccontextmanager
async def administered(
    listen: str, *, fleet: Fleet, catalog: Catalog, in_force: Callable[[], GatewayConfig], place: Place
) -> AsyncIterator[None]:
    """Serves the admin service at `listen`, if that is not empty; raises CannotListen."""
    if not listen:
        yield
        return
    from triphase_server.config.effective import effective  # noqa: PLC0415 - see above
    from triphase_server.rpc.admin.server import serving  # noqa: PLC0415
    from triphase_server.rpc.admin.servicer import AdminServicer  # noqa: PLC0415

    administration = Administration(
        fleet,
        catalog=catalog,
        configuration=lambda: effective(in_force()),
        process_id=os.getpid(),
        place=place,
    )
    async with serving(AdminServicer(administration), listen=listen) as address:
        _log.info("the admin service is at %s", address)
        yield


def admin_address(config: GatewayConfig | None, *, admin: str | None) -> str:
    """Returns where the admin service is to be, by the command line or else the configuration; empty = nowhere."""
    return admin if admin is not None else config.admin_listen if config else ""


def options_of_workers(admin_listen: str, *, workers: int) -> Callable[[int], Sequence[str]]:
    """Returns what tells the worker in a place which it is and where it is administered; raises CannotListen."""
    addresses = of_workers(admin_listen, workers=workers) if admin_listen else ("",) * workers
    return lambda place: ("--worker", f"{place}/{workers}", "--admin", addresses[place])


def place_of(text: str) -> Place:
    """Returns the place that `options_of_workers` wrote."""
    place, _, workers = text.partition("/")
    return Place(place=int(place), workers=int(workers))
