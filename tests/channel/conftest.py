"""A scenario in a box of metal that a test changes where it needs to."""

from __future__ import annotations

import pytest

from tests.channel.metal_box import RECEIVER, TRANSMITTER, box


@pytest.fixture
def scenario(make_scenario):
    """Function: the metal box, depth 2, with what a test changes in the environment or the room."""

    def make(room=(), radio=(), receiver=RECEIVER, **environment):
        radio = dict(transmitter_m=TRANSMITTER, receivers=[{"name": "rx", "position_m": receiver}]) | dict(
            radio
        )
        environment = {
            "kind": "sionna_rt",
            "max_depth": 2,
            "samples": 20_000,
            "room": box(**dict(room)),
        } | environment
        return make_scenario(environment=environment, radio=radio)

    return make
