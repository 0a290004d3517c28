"""Every random number of a sample comes from a stream named here: (seed, sample, stream) and nothing else.

Two scenarios at one seed therefore share their noise and packet losses sample by sample: give scenarios that are to be
compared as independent data their own seeds, as the shipped ones have.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from isacsim.checks import check_seed

__all__ = ["Stream", "stream"]


class Stream(IntEnum):
    """Purpose of a stream. Values are part of the seed contract: new ones are appended, none is changed."""

    COUNT = 0
    TARGETS = 1
    MOVERS = 2
    STATIC = 3
    SNR = 4
    NOISE = 5
    CFO = 6
    SFO = 7
    STO = 8
    AGC = 9
    JITTER = 10
    LOSS = 11
    QUANTISATION = 12
    BODIES = 16
    RCS = 17
    ARRAYS = 18
    SAMPLES = 19


def stream(seed: int, index: int, which: Stream, *part: int) -> np.random.Generator:
    """Generator of one stream of one sample.

    Parameters
    ----------
    seed : int
        Seed of the data set, not negative.
    index : int
        Number of the sample, not negative.
    which : Stream
        The stream.
    *part : int
        Further division, e.g. the receiver.

    Raises
    ------
    InputError
        If seed or index is not an integer from 0 to 2^63 - 1.
    """
    for name, value in (("seed", seed), ("index", index)):
        if (
            type(value) is not int or not 0 <= value < 2**63
        ):  # a dozen streams a sample: what is plain is not checked on
            check_seed(name, value)
    # Constructed, never spawned from a parent: spawning is stateful.
    return np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=(int(index), int(which), *part)))
