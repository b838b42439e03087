"""What model profiles name is what the gateway knows: families are presets, and the efforts are the same seven."""

from triphase_model.effort.family import FAMILIES
from triphase_model.effort.profile import Effort as EffortOfProfile
from triphase_server.core.presets import PRESETS
from triphase_server.core.request import Effort


def test_every_family_of_a_profile_is_a_preset() -> None:
    assert len(FAMILIES) > 20
    assert set(PRESETS) >= FAMILIES


def test_efforts_have_one_order_on_both_sides() -> None:
    assert [effort.value for effort in EffortOfProfile] == [effort.value for effort in Effort]
