"""Runs rounds: for each, one leg at each engine in the round's order, its cache prepared before.

Its rule: an engine that is gone ends the run, since rounds without it compare nothing; one that fails but answers goes
on, and its rounds are void. Whether a leg is to be believed is not judged here.
"""

from collections.abc import Iterable, Mapping

from triphase_benchmark.client.crew import CrewFailed
from triphase_benchmark.client.exchange import Limits
from triphase_benchmark.client.leg import Leg
from triphase_benchmark.plan.values import Load, Round
from triphase_benchmark.records.writer import RecordsLost
from triphase_benchmark.run.caches import Caches
from triphase_benchmark.run.crews import AnyCrew
from triphase_benchmark.run.greeting import Met, answers_still
from triphase_benchmark.run.problems import BrokeOff
from triphase_benchmark.run.watching import Watch


class Legs:
    """All legs of a run, by one crew."""

    def __init__(self, crew: AnyCrew, met: Mapping[str, Met], *, caches: Caches, limits: Limits, watch: Watch) -> None:
        self._crew = crew
        self._met = met
        self._caches = caches
        self._limits = limits
        self._watch = watch
        # Of a core, what the busiest worker used in any leg.
        self.cpu_share = 0.0

    def run(self, rounds: Iterable[Round], *, load: Load, places: int | None) -> None:
        """Runs rounds to their end.

        Raises:
            BrokeOff: An engine, a worker or the disk failed; what was measured is kept.
            KeyboardInterrupt: Of Ctrl-C, once what was measured is written.
        """
        for round_ in rounds:
            for place, name in enumerate(round_.engines):
                self._leg(round_, place, self._met[name], load, places)

    def _leg(self, round_: Round, place: int, met: Met, load: Load, places: int | None) -> None:
        self._watch.leg(round_.number, met.engine.name)
        leg = Leg(
            round=round_.number,
            place_in_round=place,
            engine=met.engine,
            model=met.model,
            load=load,
            places=places,
            requests=round_.requests,
            limits=self._limits,
            cache_salt=self._caches.prepare(met.engine, round_.number),
        )
        try:
            end = self._crew.run(leg, watch=self._watch.progress)
        except (CrewFailed, RecordsLost) as error:
            raise BrokeOff(f"the run ended in round {round_.number + 1}: {error}") from error
        self.cpu_share = max(self.cpu_share, end.cpu_share)
        self._watch.progress(self._crew.progress)
        did = self._watch.leg_ended(cpu_share=self.cpu_share)
        if did.failed and did.failed == did.ended and (why := answers_still(met.engine)):
            raise BrokeOff(f"{met.engine.name} is gone since round {round_.number + 1}, where the run ended: {why}")
