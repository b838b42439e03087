"""Routes: which deployment counts as the first, and what a route can do at all."""

from dataclasses import replace

from triphase_server.core.detection import Detection
from triphase_server.core.effort_policy import EffortPolicy
from triphase_server.core.request import Effort
from triphase_server.core.route import Deployment, Route, Target

PLAIN = Deployment(
    name="plain",
    upstream="u",
    model="m",
    detection=Detection(fields=(), markers=()),
    effort=EffortPolicy(supported=(Effort.HIGH,)),
)
THINKER = Deployment(name="thinker", upstream="u", model="m", effort=EffortPolicy(supported=(Effort.LOW, Effort.MAX)))


def test_the_first_is_the_one_of_the_lowest_priority_that_takes_requests() -> None:
    drained = Target(deployment=PLAIN, weight=0.0)
    later = Target(deployment=THINKER, priority=1)
    assert Route(name="r", targets=(later, Target(deployment=PLAIN))).primary is PLAIN
    assert Route(name="r", targets=(drained, later)).primary is THINKER
    assert Route(name="r", targets=(drained,)).primary is PLAIN


def test_a_route_can_do_what_one_of_its_deployments_can() -> None:
    both = Route(name="r", targets=(Target(deployment=PLAIN), Target(deployment=THINKER)))
    assert both.efforts == (Effort.LOW, Effort.HIGH, Effort.MAX)
    assert both.reasons
    assert not Route(name="r", targets=(Target(deployment=PLAIN),)).reasons
    assert not both.bounds_reasoning
    bounding = replace(THINKER, effort=EffortPolicy(enforces=True))
    assert Route(name="r", targets=(Target(deployment=PLAIN), Target(deployment=bounding))).bounds_reasoning
