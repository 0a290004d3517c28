"""Rooms for ray tracing: what makes no sense is refused, and a described room has every surface."""

from __future__ import annotations

import pytest
from pydantic_core import ValidationError

from isacsim.channel.sionna.room_xml import room_xml
from isacsim.scenario.environments import RayTraced
from tests.channel.metal_box import METAL, RECEIVER, TRANSMITTER, box


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"scene": "munich"}, "give either room, described here, or scene"),
        ({"room": {"height_m": 1.2}}, "the transmitter at .* is outside the room"),
        ({"receiver": (7.5, 4.0, 1.0)}, r"the receiver 'rx' at \[7\.5, 4\.0, 1\.0\] is outside the room"),
        (
            {"room": {"furniture": [{"name": "crate", "corner_m": [5, 4, 1], "size_m": [1, 1, 1]}]}},
            "receiver 'rx' at .* is within 'crate'",
        ),
        ({"room": {"doors": [{"at_m": [3.0, 3.0]}]}}, "no wall runs through"),
        ({"room": {"doors": [{"at_m": [0.2, 0.0]}]}}, "no wall runs through"),
        (
            {"room": {"doors": [{"at_m": [3.0, 0.0], "height_m": 4.0}]}},
            "a door is 4 m high, the room only 3 m",
        ),
        ({"room": {"doors": [{"at_m": [3.0, 0.0]}, {"at_m": [3.5, 0.0]}]}}, "two doors overlap"),
        ({"receivers": [{"name": "r"}]}, "there is no receiver 'r'; radio.receivers has rx"),
        ({"receivers": [{"name": "rx"}, {"name": "rx"}]}, "names one receiver twice"),
        ({"transmitter": {"pattern": "tr38901"}}, "looks_at_m is missing; a directional antenna needs it"),
        ({"room": {"walls": {"material": "paper"}}}, "material"),
        ({"receiver": (0.004, 4.0, 1.0)}, "receiver 'rx' at .* is 4 mm from a wall; antennas need 10 mm"),
        ({"receiver": (5.0, 4.0, 2.995)}, "receiver 'rx' at .* is 5 mm from the ceiling"),
        (
            {"room": {"furniture": [{"name": "desk", "corner_m": [5, 4, 0], "size_m": [1, 1, 1.4]}]}},
            "receiver 'rx' at .* is 0 mm from 'desk'",
        ),
        (
            {"room": {"furniture": [{"name": "desk", "corner_m": [6.5, 4, 0], "size_m": [1, 1, 1]}]}},
            r"'desk' from \[6\.5, 4\.0, 0\.0\] to \[7\.5, 5\.0, 1\.0\] reaches outside the room",
        ),
        (
            {"receivers": [{"name": "rx", "pattern": "tr38901", "looks_at_m": RECEIVER}]},
            r"environment\.receivers\.0\.looks_at_m is .*, where the antenna itself stands",
        ),
        (
            {"transmitter": {"pattern": "dipole", "looks_at_m": TRANSMITTER}},
            r"environment\.transmitter\.looks_at_m is .*, where the antenna itself stands",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(scenario, changes, match):
    with pytest.raises(ValidationError, match=match):
        scenario(**changes)


def test_furniture_may_stand_across_both_legs_of_a_corridor_and_pillars_inside_a_hall():
    crate = {"corner_m": [4.2, 1.0, 0.0], "size_m": [0.6, 2.0, 1.0]}
    corridor = {"kind": "corridor", "width_m": 2.0, "legs_m": [6.0, 5.0]}
    RayTraced(kind="sionna_rt", room=corridor | {"furniture": [crate]})
    with pytest.raises(ValidationError, match="reaches outside the room"):
        RayTraced(kind="sionna_rt", room=corridor | {"furniture": [crate | {"corner_m": [3.9, 1.0, 0.0]}]})
    with pytest.raises(ValidationError, match=r"'pillar' from .* reaches outside the room"):
        RayTraced(
            kind="sionna_rt", room={"kind": "hall", "size_m": [4.0, 4.0], "pillars_m": [[2, 2], [4, 2]]}
        )


def test_a_corridor_is_longer_than_wide():
    with pytest.raises(ValidationError, match=r"legs_m is \[1\.0, 9\.0\]; each must exceed width_m, 2 m"):
        RayTraced(kind="sionna_rt", room={"kind": "corridor", "width_m": 2.0, "legs_m": [1.0, 9.0]})


def test_room_xml_has_every_surface():
    room = RayTraced(
        kind="sionna_rt", room=box(doors=[{"at_m": [3.0, 0.0]}, {"at_m": [0.0, 4.0], "surface": METAL}])
    ).room
    text = room_xml(room)
    # Floor, ceiling, two plain walls; one wall in three, one in four (its door is closed).
    assert text.count('type="rectangle"') == 2 + 2 + 3 + 4
    assert text.count("<bsdf") == 1
