"""Admin services that run on real addresses, over a fleet that asks nobody."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from server_fakes.rig import open_gates
from triphase_server.core.route import Deployment, Route, Target
from triphase_server.rpc.admin.server import serving
from triphase_server.rpc.admin.servicer import AdminServicer
from triphase_server.service.administration import Administration, Place
from triphase_server.service.catalog import Catalog
from triphase_server.service.fleet import Fleet

CONFIGURATION = {"listen": "127.0.0.1:50051", "grace_s": 30}


@contextmanager
def short_folder() -> Iterator[str]:
    """Gives a folder whose name leaves room for that of a socket, as the folders of tests may not."""
    with tempfile.TemporaryDirectory(prefix="triphase-") as folder:
        yield folder


def administration(*names: str, place: int = 0, workers: int = 1) -> Administration:
    targets = tuple(Target(deployment=Deployment(name=name, upstream="u", model=f"m-{name}")) for name in names)
    return Administration(
        Fleet([target.deployment for target in targets], gate_of=open_gates(), draw=lambda: 0.0),
        catalog=Catalog({"r": Route(name="r", targets=targets)}),
        configuration=lambda: CONFIGURATION,
        process_id=4711,
        place=Place(place=place, workers=workers),
    )


@asynccontextmanager
async def worker(listen: str, *, place: int = 0, workers: int = 1) -> AsyncIterator[Administration]:
    """Serves a worker with the deployments `a` and `b` at an address."""
    told = administration("a", "b", place=place, workers=workers)
    async with serving(AdminServicer(told), listen=listen):
        yield told
