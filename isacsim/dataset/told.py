"""Counts of the labels of a data set: rooms, activities, and targets that no spectrum can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isacsim.schema import ACTIVITIES, HIDDEN

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["label_counts", "label_sentences", "words_of"]


def words_of(variable: xr.Variable, values: Any) -> list[str]:
    """Words that a variable's flags (CF conventions) have for its values, in one list."""
    meanings = str(variable.attrs["flag_meanings"]).split()
    words = dict(zip(np.atleast_1d(variable.attrs["flag_values"]).tolist(), meanings, strict=True))
    return [words.get(code, str(code)) for code in np.ravel(values).tolist()]


def label_counts(dataset: xr.Dataset) -> dict[str, dict[str, int]]:
    """Count samples by room, and targets by activity and by what hides them; empty where nothing is said.

    Of several receivers, a target is hidden if it is so at all of them, for the first one's reason.
    """
    rooms = dataset["room"].values.tolist() if "room" in dataset.variables else []
    counts = {"rooms": {str(room): rooms.count(room) for room in sorted(set(rooms)) if room}}
    for key, name, words in (
        ("activities", "target_activity", ACTIVITIES),
        ("hidden", "target_hidden", HIDDEN),
    ):
        codes = dataset[name].values if name in dataset else np.empty((0, 0), np.int8)
        if codes.ndim == 3:
            codes = np.where((codes > 0).all(axis=1), codes[:, 0], np.minimum(codes[:, 0], 0))
        counts[key] = {word: n for k, word in enumerate(words) if (n := int(np.count_nonzero(codes == k)))}
    return counts


def label_sentences(counts: dict[str, dict[str, int]]) -> list[str]:
    """Say the counts of `label_counts`: of rooms where there are several, of hidden targets where there are some."""
    out = []
    if len(counts["rooms"]) > 1:
        out.append(f"Samples by room: {_listed(counts['rooms'])}.")
    if counts["activities"]:
        out.append(f"Targets by activity: {_listed(counts['activities'])}.")
    hidden = {word: n for word, n in counts["hidden"].items() if word != HIDDEN[0]}
    if hidden:
        out.append(
            f"{sum(hidden.values())} of {sum(counts['hidden'].values())} targets have no peak of their own in a "
            f"spectrum: {_listed(hidden)} (target_hidden)."
        )
    return out


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{word} {n}" for word, n in counts.items())
