"""Which settings are rendered: what matters first, no more than can be, and the rest again where one was stopped."""

from collections.abc import Mapping

from triphase_model.effort.controls import NONSENSE, Control, Kind, controls_of
from triphase_model.effort.profile import Effort
from triphase_model.effort.settings import (
    CONVERSATIONS,
    MOST_SETTINGS,
    UNSET,
    USER,
    rendered,
    setting_of,
    settings_of,
)
from triphase_model.validator.rendering.probes import Probes
from triphase_model.validator.rendering.results import Failure, Outcome, Rendering


def controls(*names: str, words: tuple[str, ...] = ()) -> tuple[Control, ...]:
    return controls_of(Rendering(variables=frozenset(names), literals=dict.fromkeys(names, words)))


def test_nothing_and_each_value_alone_come_first() -> None:
    others = [setting_of({"reasoning_effort": "low", "enable_thinking": True})]
    found = settings_of(controls("reasoning_effort", "enable_thinking"), others)
    assert found[0] == UNSET
    alone = [(("reasoning_effort", word),) for word in (*Effort, NONSENSE)]
    assert found[1 : 1 + len(alone)] == alone
    assert found[1 + len(alone) :][:3] == [(("enable_thinking", False),), (("enable_thinking", True),), others[0]]
    assert len(found) == len(set(found)) == 1 + 8 + 2 + 8 * 2


def test_there_are_never_more_than_can_be_rendered() -> None:
    many = controls(
        "reasoning_effort", "thinking_effort", "enable_thinking", "thinking", "skip_think", words=("a", "b")
    )
    assert len(settings_of(many)) <= MOST_SETTINGS
    toggles = tuple(Control(name=f"t{n}", kind=Kind.TOGGLE, values={True: Effort.LOW, False: None}) for n in range(40))
    assert len(settings_of(toggles)) == MOST_SETTINGS
    assert len(controls(*(f"think{n}_level" for n in range(20)))) == 6


def test_the_rest_is_asked_again_where_one_was_stopped() -> None:
    asked: list[int] = []

    def renderer(_: str, __: Mapping[str, str], probes: Probes) -> Rendering:
        """Stops at the first prompt with the effort max, as a child that is killed does."""
        asked.append(len(probes))
        made: dict[str, Outcome] = {}
        for name, variables in probes.items():
            if variables.get("reasoning_effort") == "max":
                made[name] = Outcome(failure=Failure.LIMIT)
                break
            made[name] = Outcome(text=str(variables.get("reasoning_effort")))
        return Rendering(outcomes=made)

    settings = [UNSET, *((("reasoning_effort", effort.value),) for effort in (Effort.MAX, Effort.LOW))]
    made = rendered("", {}, settings, renderer)
    assert made.text(settings[2]) == "low"
    stopped = made.failed(settings[1])
    assert stopped is not None
    assert stopped.failure is Failure.LIMIT
    # It is asked again as the first of a round, since its time may have been spent by those before it.
    assert asked == [15, 10, 5]


def test_time_that_others_spent_is_not_held_against_a_setting() -> None:
    def renderer(_: str, __: Mapping[str, str], probes: Probes) -> Rendering:
        """Has time for seven, whatever they are."""
        made = {name: Outcome(text="t") for name in list(probes)[:7]}
        late = {name: Outcome(failure=Failure.LIMIT) for name in list(probes)[7:8]}
        return Rendering(outcomes=made | late)

    settings = [UNSET, *((("reasoning_effort", effort.value),) for effort in Effort)]
    made = rendered("", {}, settings, renderer)
    assert [made.failed(setting) for setting in settings] == [None] * len(settings)


def test_what_never_came_is_as_if_it_was_stopped() -> None:
    made = rendered("", {}, [UNSET], lambda *_: Rendering())
    assert made.text(UNSET, USER) is None
    assert made.failed(UNSET) is not None
    assert made.fingerprint(UNSET) == ("limit",) * len(CONVERSATIONS)
