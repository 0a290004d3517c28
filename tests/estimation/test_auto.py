"""The default estimator where exact cubics hold; not numerical: relax's kernels are slow where fma is in software."""

import numpy as np

import isacsim
from isacsim.estimation.estimate import estimate_paths

STATES = ("velocity", "acceleration", "jerk")


def test_auto_gives_exact_cubics_at_the_bound_and_says_so():
    capture = isacsim.simulate(isacsim.load_scenario("default"), seed=3)
    csi = capture["csi"].isel(receiver=0)
    auto, exact = estimate_paths(csi), estimate_paths(csi, method="relax")
    assert auto.attrs["model"] == "exact"
    assert auto.sizes["path"] == exact.sizes["path"]
    for name in STATES:
        np.testing.assert_allclose(auto[name], exact[name], atol=float(exact[f"std_{name}"].max()) / 5)
