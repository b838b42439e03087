"""Reading the configuration again: at SIGHUP and when its files have changed, and what becomes of what was read.

Rule: all or nothing. A file that is refused is told with all of its problems, and the configuration in force stays; one
that is accepted is in force at once, for requests that begin from then on. What is watched is `watching.py`, putting it
in force `swap.py` in a gateway and `handover.py` for workers; what differs is told by `config/changes.py`.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from triphase_server.app.config_file import ConfigFile
from triphase_server.app.watching import changed
from triphase_server.config import Changes, ConfigError, GatewayConfig, changes
from triphase_server.telemetry.log import set_level
from triphase_server.telemetry.reloads import ReloadResult

_log = logging.getLogger("triphase.config")


class Reloader:
    """Reads by `read` whenever `asked` is set or `changed` returns, and puts what is accepted in force by `apply`.

    `config` is what is in force. `apply` raises OSError where a file that was checked can be used no more, and then has
    changed nothing; `reloaded` is told of each result.
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        read: Callable[[], Awaitable[GatewayConfig]],
        changed: Callable[[], Awaitable[object]],
        apply: Callable[[GatewayConfig], None],
        reloaded: Callable[[ReloadResult], None],
    ) -> None:
        self.config = config
        self.asked = asyncio.Event()
        self._read = read
        self._changed = changed
        self._apply = apply
        self._reloaded = reloaded

    async def run(self) -> None:
        """Reloads for ever."""
        while True:
            await self._triggered()
            self.asked.clear()
            self._reloaded(await self.reload())

    async def reload(self) -> ReloadResult:
        """Reads once, whether or not anything has changed; tells the log what came of it."""
        try:
            step = changes(self.config, await self._read())
            self._apply(step.config)
        except ConfigError as error:
            return _refused([str(problem) for problem in error.problems])
        except OSError as error:
            return _refused([f"a file that it names was read well and then was not: {error.strerror or error}"])
        except Exception:
            _log.exception("defect in a reload; the configuration in force stays")
            return ReloadResult.REFUSED
        self.config = step.config
        return _accepted(step)

    async def _triggered(self) -> None:
        triggers = [asyncio.ensure_future(trigger) for trigger in (self.asked.wait(), self._changed())]
        try:
            await asyncio.wait(triggers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for trigger in triggers:
                trigger.cancel()


@asynccontextmanager
async def reloading(
    file: ConfigFile | None,
    config: GatewayConfig,
    *,
    apply: Callable[[GatewayConfig], None],
    reloaded: Callable[[ReloadResult], None],
) -> AsyncIterator[None]:
    """Reloads `file` inside the block, beginning from `config`, which was read from it; nothing where there is none.

    SIGHUP ends the process no more, even after the block: a gateway that drains is not to be cut short by it.
    """
    if file is None:
        yield
        return

    def until_changed() -> Awaitable[object]:
        return changed(lambda: asyncio.to_thread(file.look), since=file.seen)

    reloader = Reloader(
        config, read=lambda: asyncio.to_thread(file.read), changed=until_changed, apply=apply, reloaded=reloaded
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloader.asked.set)
    running = asyncio.create_task(reloader.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait((running,))


def _accepted(step: Changes) -> ReloadResult:
    for key in step.fixed:
        _log.warning("configuration: %s takes effect at the next start, and is what it was until then", key)
    if not step.told:
        _log.info("configuration read again; nothing that can change while the gateway runs is different")
        return ReloadResult.UNCHANGED
    _log.info("configuration reloaded", extra={"fields": dict(step.told)})
    set_level(step.config.log_level)
    return ReloadResult.APPLIED


def _refused(problems: Sequence[str]) -> ReloadResult:
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    _log.error("configuration refused with %s; the one in force stays", count)
    for problem in problems:
        _log.error("configuration: %s", problem)
    return ReloadResult.REFUSED
