"""Finds the route of a public model name."""

from collections.abc import Mapping

from triphase_server.core.errors import UnknownModel
from triphase_server.core.route import Route

_NAMES_SHOWN = 20


class Catalog:
    """The routes that callers may use, by public model name."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes: Mapping[str, Route] = {}
        self.replace(routes)

    def replace(self, routes: Mapping[str, Route]) -> None:
        """Puts other routes in the place of all."""
        self._routes = dict(sorted(routes.items()))

    def find(self, model: str) -> Route:
        """Returns the route of a model; raises UnknownModel, which names the known ones."""
        route = self._routes.get(model)
        if route is None:
            raise UnknownModel(f"no model is named {_shown(model)}; known models: {self._known()}")
        return route

    def chain(self, route: Route) -> tuple[Route, ...]:
        """Returns a route and the routes that stand in for it, in order; their own fallbacks count too, each once."""
        chain = {route.name: route}
        waiting = list(route.fallbacks)
        while waiting:
            name = waiting.pop(0)
            if name not in chain:
                chain[name] = self._routes[name]
                waiting += chain[name].fallbacks
        return tuple(chain.values())

    def routes(self) -> tuple[Route, ...]:
        """Returns all routes, sorted by name."""
        return tuple(self._routes.values())

    def _known(self) -> str:
        names = list(self._routes)
        more = f" and {len(names) - _NAMES_SHOWN} more (see ListModels)" if len(names) > _NAMES_SHOWN else ""
        return ", ".join(names[:_NAMES_SHOWN]) + more


def _shown(model: str) -> str:
    # The caller's own words are repeated, but never at a length that would bury the message.
    return repr(model if len(model) <= 80 else model[:79] + "…")
