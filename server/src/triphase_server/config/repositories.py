"""Model repositories that are named without a profile: has one made of each, and says what does not fit it.

Rule: only those that a route uses, each once, when all else of the file is right, since an analysis takes seconds. Who
makes a profile comes in with `profiles.py`.
"""

from collections.abc import Iterator

from triphase_model.effort.profile import NotAProfile

from triphase_server.config.errors import KeyPath
from triphase_server.config.profiles import Profiles
from triphase_server.config.schema import GatewayTable
from triphase_server.config.schema_deployment import effort_mistakes

# What decides most of a profile, hence what is watched; the rest changes with it.
TEMPLATE_FILES = ("chat_template.jinja", "tokenizer_config.json")


def unfit_repositories(table: GatewayTable, profiles: Profiles) -> Iterator[tuple[KeyPath, str]]:
    """Yields the key of each problem, and what was expected there."""
    for name in dict.fromkeys(target.name for route in table.routes.values() for target in route.deployments):
        keys = dict(table.deployments[name])
        if not profiles.derives(keys):
            continue
        try:
            profiles.derive(keys["repository"])
        except NotAProfile as error:
            message = f"expected a model repository whose efforts can be told, or a profile; {error.expected}"
            yield ("deployments", name, "repository"), message
            continue
        for key, message in effort_mistakes(keys["effort"], keys, profiles=profiles):
            yield ("deployments", name, "effort", key), message
