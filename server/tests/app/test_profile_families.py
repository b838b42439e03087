"""The families that model profiles name are presets of the gateway."""

from triphase_model.effort.family import FAMILIES
from triphase_server.core.presets import PRESETS


def test_every_family_of_a_profile_is_a_preset() -> None:
    assert len(FAMILIES) > 20
    assert set(PRESETS) >= FAMILIES
