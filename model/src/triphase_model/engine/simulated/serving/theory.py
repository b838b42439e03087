"""What theory knows of queues with requests that come at random: how long they wait, in the mean and at a quantile.

`arrivals` and `services` are rates per second (of one server), times are seconds. A queue that is asked for more than
it can do waits for ever, which is an error here. The mean of M/D/1 is Pollaczek's and Khinchine's, the rest Erlang's.
"""

import math
from decimal import Decimal, localcontext

_DIGITS = 120  # the sum of M/D/1 alternates: its terms are far larger than its value


def erlang_c(arrivals: float, services: float, servers: int) -> float:
    """The probability that a request of M/M/c has to wait."""
    load = _load(arrivals, services, servers) * servers
    blocked = 1.0  # Erlang's B, from no server upwards
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mmc_mean_wait(arrivals: float, services: float, servers: int = 1) -> float:
    """The mean wait of M/M/c."""
    return erlang_c(arrivals, services, servers) / (servers * services - arrivals)


def mmc_wait_quantile(share: float, arrivals: float, services: float, servers: int = 1) -> float:
    """The wait of M/M/c that `share` of requests do not exceed."""
    waiting = erlang_c(arrivals, services, servers)
    return max(0.0, math.log(waiting / (1 - share)) / (servers * services - arrivals))


def md1_mean_wait(arrivals: float, services: float) -> float:
    """The mean wait of M/D/1."""
    load = _load(arrivals, services, 1)
    return load / (2 * services * (1 - load))


def md1_share_within(wait_s: float, arrivals: float, services: float) -> float:
    """The share of requests of M/D/1 that wait no longer than this."""
    load = _load(arrivals, services, 1)
    with localcontext() as context:
        context.prec = _DIGITS
        total = Decimal(0)
        for number in range(math.floor(wait_s * services) + 1):
            gap = Decimal(arrivals) * (Decimal(number) / Decimal(services) - Decimal(wait_s))
            total += gap**number / math.factorial(number) * (-gap).exp() if number else (-gap).exp()
        return float((1 - Decimal(load)) * total)


def md1_wait_quantile(share: float, arrivals: float, services: float) -> float:
    """The wait of M/D/1 that `share` of requests do not exceed."""
    low, high = 0.0, 1 / services
    while md1_share_within(high, arrivals, services) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if md1_share_within(middle, arrivals, services) < share else (low, middle)
    return high


def _load(arrivals: float, services: float, servers: int) -> float:
    load = arrivals / (servers * services)
    if load >= 1:
        raise ValueError(f"a load of {load:g} is more than the queue can do")
    return load
