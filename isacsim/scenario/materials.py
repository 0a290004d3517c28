"""Reflection at a wall of a building material: recommendation ITU-R P.2040, 1 to 10 GHz."""

from __future__ import annotations

import numpy as np
from scipy.constants import epsilon_0, speed_of_light

from isacsim.scenario.rooms import Surface

__all__ = ["reflection"]

# Table 3: permittivity a f^b (b is zero for all), conductivity c f^d in S/m, f in GHz.
_TABLE = {
    "concrete": (5.24, 0.0462, 0.7822),
    "brick": (3.91, 0.0238, 0.16),
    "plasterboard": (2.73, 0.0085, 0.9395),
    "wood": (1.99, 0.0047, 1.0718),
    "glass": (6.31, 0.0036, 1.3394),
    "ceiling_board": (1.48, 0.0011, 1.0750),
    "chipboard": (2.58, 0.0217, 0.7800),
    "plywood": (2.71, 0.33, 0.0),
    "marble": (7.074, 0.0055, 0.9262),
    "vinyl_tile": (3.62, 0.0051, 0.8422),
    "carpet_tile": (2.08, 0.0009, 0.8200),
    "asphalt_concrete": (4.83, 0.0108, 1.3969),
    "metal": (1.0, 1e7, 0.0),
}


def reflection(surface: Surface, frequency_hz: float, cosine: float, *, parallel: bool) -> complex:
    """Reflection coefficient of a slab in air (eq. 37 and 43).

    Parameters
    ----------
    surface : Surface
        Material and thickness.
    frequency_hz : float
        1 to 10 GHz.
    cosine : float
        Of the angle between the ray and the wall's normal.
    parallel : bool
        Whether the electric field lies in the plane of incidence (TM), else across it (TE).
    """
    permittivity, c, d = _TABLE[surface.material]
    conductivity = c * (frequency_hz / 1e9) ** d
    eta = permittivity - 1j * conductivity / (2 * np.pi * frequency_hz * epsilon_0)
    root = np.sqrt(eta - (1 - cosine**2))
    across = eta * cosine if parallel else cosine
    single = (across - root) / (across + root)
    # Back and forth within the slab.
    through = np.exp(-4j * np.pi * surface.thickness_m * frequency_hz / speed_of_light * root)
    return complex(single * (1 - through) / (1 - single**2 * through))
