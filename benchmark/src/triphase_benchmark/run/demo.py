"""The demo: two simulated engines, and a whole run of them that is over in a minute.

Its rule: nothing of it is real but the harness, and all that it makes says *simulated*. The engines differ by what
their profiles say, so that there is something to see.
"""

from triphase_benchmark.plan.loads import Requests
from triphase_benchmark.run.simulated import Simulated

# Few enough that answers follow them.
_THOUGHTS = ("lengths.reasoning=12",)

ENGINES = (
    Simulated(name="vllm", like="vllm", asked_by="vllm", settings=_THOUGHTS, seed=1),
    Simulated(name="friendli", like="friendli", asked_by="friendli-container", settings=_THOUGHTS, seed=2),
)
LOAD = "closed:8"
WORKLOAD = "chat,output=uniform:24:48"
ITERATIONS = 8
MEASURED = Requests(count=66)  # the least of which a p90 is told
WARM_UP = Requests(count=8)
SLO = "ttft=200ms,tpot=12ms"
