"""What each deployment would be asked for: one plan a deployment, made when a request comes.

Rule: a deployment that cannot do what the request asks is left out; where none can, the request is refused before
anything is sent. How an effort becomes fields is `core/effort.py`, what can be enforced `core/enforcement.py`, how a
conversation is put for a chat template `core/normalization.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triphase_server.core import effort
from triphase_server.core.effort import PlannedReasoning
from triphase_server.core.enforcement import asks_for_a_bound, enforceable
from triphase_server.core.errors import InvalidRequest
from triphase_server.core.normalization import Normalized, normalize
from triphase_server.core.request import Effort, GenerationRequest
from triphase_server.core.route import Deployment, Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A deployment, and what it would be asked for: the reasoning, and the conversation as it takes it."""

    deployment: Deployment
    planned: PlannedReasoning
    normalized: Normalized


def plans_for(request: GenerationRequest, routes: Sequence[Route]) -> tuple[Mapping[str, Plan], frozenset[str]]:
    """Returns the plans by deployment, the one of highest priority first, and the names of those that have none.

    Raises InvalidRequest where no deployment can do what is asked.
    """
    plans: dict[str, Plan] = {}
    refused: list[tuple[Deployment, InvalidRequest]] = []
    ordered = (target for route in routes for target in sorted(route.targets, key=lambda target: target.priority))
    for deployment in (target.deployment for target in ordered):
        try:
            normalized = normalize(request, rules=deployment.messages)
            planned = enforceable(
                effort.plan(request, policy=deployment.effort),
                request=normalized.request,
                enforcement=deployment.enforcement,
            )
            plans[deployment.name] = Plan(deployment=deployment, planned=planned, normalized=normalized)
        except InvalidRequest as refusal:
            refused.append((deployment, refusal))
    if not plans:
        raise _refusal(request, refused, routes)
    return plans, frozenset(deployment.name for deployment, _ in refused)


def _refusal(
    request: GenerationRequest, refused: Sequence[tuple[Deployment, InvalidRequest]], routes: Sequence[Route]
) -> InvalidRequest:
    if all(effort.is_about_effort(refusal) for _, refusal in refused):
        given = {one for route in routes for one in route.efforts}
        return effort.unsupported(one for one in Effort if one in given)
    # Where a bound is asked for, a deployment that has none says no more than that; one that has says what is wrong.
    bounding = (refusal for deployment, refusal in refused if deployment.effort.bounds)
    _, first = refused[0]
    return next(bounding, first) if asks_for_a_bound(request.reasoning) else first
