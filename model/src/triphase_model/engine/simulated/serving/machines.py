"""Builds the machine of time that settings ask for."""

import msgspec

from triphase_model.engine.simulated.serving.chance import Climate
from triphase_model.engine.simulated.serving.pacing import PacedMachine
from triphase_model.engine.simulated.serving.ports import Machine
from triphase_model.engine.simulated.serving.prefix_cache import PrefixCache
from triphase_model.engine.simulated.serving.queueing import QueueMachine
from triphase_model.engine.simulated.serving.settings import Jitter, Paced, Queue, Settings, Stalls, Steps, Weather
from triphase_model.engine.simulated.serving.stepping import StepMachine
from triphase_model.engine.simulated.serving.working_time import WorkingTime


def without_time(settings: Settings) -> Settings:
    """The same engine, in which nothing takes any time: the null engine."""
    timing = Paced(first_s=0.0, prefill_token_s=0.0, token_s=0.0)
    return msgspec.structs.replace(settings, timing=timing, jitter=Jitter(), weather=Weather(), stalls=Stalls())


def machine_of(settings: Settings, *, cache: PrefixCache, start_ns: int) -> Machine:
    """The machine, whose stalls, drift and noise are counted from `start_ns`."""
    climate = Climate(settings.weather, seed=settings.seed, start_ns=start_ns)
    working = WorkingTime(settings.stalls, start_ns=start_ns)
    match settings.timing:
        case Queue() as queue:
            return QueueMachine(queue, seed=settings.seed, climate=climate, working=working)
        case Paced() as paced:
            return PacedMachine(
                paced,
                jitter=settings.jitter,
                seed=settings.seed,
                climate=climate,
                working=working,
                cache=cache,
                speculative=settings.chunking.speculative,
            )
        case Steps() as steps:
            return StepMachine(
                steps,
                jitter=settings.jitter,
                seed=settings.seed,
                climate=climate,
                working=working,
                cache=cache,
                speculative=settings.chunking.speculative,
            )
