"""A folder with one of each: scenario, data set, captures, something hidden, links that lead out."""

from __future__ import annotations

import numpy as np
import pytest

from isacsim import load_scenario, simulate
from isacsim.capture.netcdf import save_capture
from tests.capture.capture_files import esp32_file, integers, intel_file
from tests.dataset.stores import simulated

DRAWN = {
    "count": {"min": 1, "max": 3},
    "template": {
        "motion": {
            "kind": "kinematics",
            "path_length_m": {"uniform": [3, 15]},
            "acceleration_m_s2": {"uniform": [-6, 6]},
            "jerk_m_s3": {"uniform": [-30, 30]},
        }
    },
}


@pytest.fixture(scope="session")
def shown_folder(make_scenario, tmp_path_factory):
    """The folder; a sibling holds what must not be shown."""
    base = tmp_path_factory.mktemp("explorer")
    inside, outside = base / "inside", base / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.yaml").write_text("name: secret", encoding="utf-8")
    simulated(
        make_scenario,
        inside / "small.zarr",
        targets=DRAWN,
        snr_db={"uniform": [5.0, 25.0]},
        impairments={"noise": True},
    )
    rng = np.random.default_rng(0)
    (inside / "walk.csv").write_bytes(esp32_file(integers(rng, 90, 8, 64)))
    (inside / "walk.dat").write_bytes(intel_file(integers(rng, 90, 8, 30, 2, 3)))
    save_capture(simulate("explore", seed=1), inside / "saved.nc")
    (inside / "bad.dat").write_bytes(b"no capture at all")
    (inside / "rooms").mkdir()
    scenario = load_scenario("explore").with_(name="mine", snr_db=10)
    (inside / "rooms" / "mine.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    (inside / "wrong.yaml").write_text("name: wrong\nradio: 3\n", encoding="utf-8")
    (inside / ".hidden").mkdir()
    (inside / ".hidden" / "key.yaml").write_text("name: key", encoding="utf-8")
    (inside / "way_out").symlink_to(outside)
    (inside / "way_out.yaml").symlink_to(outside / "secret.yaml")
    (inside / "to_hidden.yaml").symlink_to(inside / ".hidden" / "key.yaml")
    (inside / "within.yaml").symlink_to(inside / "rooms" / "mine.yaml")
    return inside
