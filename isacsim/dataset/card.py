"""The data card that every store carries: a README and a picture of eight samples, in the store's folder.

zarr and xarray open the store by its consolidated metadata and never see the two files; a zarr that is told to list
the folder instead warns that they are no arrays, and goes on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isacsim.dataset.store.files import write_file
from isacsim.dataset.store.store import StorePath, StoreRecord, location, open_dataset, open_record
from isacsim.dataset.told import label_counts, label_sentences

if TYPE_CHECKING:
    import xarray as xr

    from isacsim.dataset.store.store import StoreRecord

__all__ = ["class_counts", "has_card", "noise_sentence", "snr_histogram", "write_card"]

_README, _PICTURE = "README.md", "card.png"


def write_card(store_path: StorePath) -> None:
    """Write the data card of a store, in place of an earlier one: README.md and card.png.

    A store that is not finished gets one too, which says so and counts what there is.

    Parameters
    ----------
    store_path : str or path-like
        Folder or URL of a store that isacsim made.

    Raises
    ------
    InputError
        If there is no such store, or its making was interrupted before there was any sample.
    OSError
        If it cannot be written.
    """
    from isacsim.figures.montage import montage_figure
    from isacsim.figures.spectra import png

    record = open_record(store_path)
    dataset = open_dataset(store_path, incomplete=True)
    drawn = dataset.sizes["sample"] > 0
    if drawn:
        write_file(store_path, _PICTURE, png(montage_figure(dataset)))
    write_file(store_path, _README, _readme(record, dataset, drawn=drawn).encode())


def has_card(store_path: StorePath) -> bool:
    """Tell whether a store has its data card; the README is written last."""
    where = f"{location(store_path).rstrip('/')}/{_README}"
    if "://" in where:
        import fsspec

        file_system, path = fsspec.core.url_to_fs(where)
        return bool(file_system.exists(path))
    return Path(where).is_file()


def _readme(record: StoreRecord, dataset: xr.Dataset, *, drawn: bool) -> str:
    name = location(record.path).rstrip("/").rsplit("/", 1)[-1]
    here, whole = dataset.sizes["sample"], record.n_samples
    title = f"Acceleration-jerk spectra made by isacsim {plain(str(record.attrs['isacsim']))}"
    numpy, seed = record.attrs.get("numpy"), record.attrs.get("seed")
    title += f" with NumPy {plain(str(numpy))}" if numpy else ""
    title += f", seed {plain(str(seed))}." if seed is not None else "."
    lines = [f"# {plain(name)}", "", title, ""]
    if here < whole:
        lines += [
            f"**Not finished: {here} of {whole} samples are there.** The same `{record.command}` makes the rest.",
            "",
        ]
    if drawn:
        lines += [
            f"![Spectra of up to eight samples]({_PICTURE})",
            "",
            "*Noisy, noiseless and clean spectrum of a few samples; circles: the truth.*",
            "",
        ]
    noise = noise_sentence(dataset)
    lines += [
        "## Samples",
        "",
        *_counts(dataset),
        "",
        *(line for told in label_sentences(label_counts(dataset)) for line in (plain(told), "")),
        *([noise, ""] if noise else []),
        *_origins(record.attrs),
    ]
    lines += ["## Variables", "", *_variables(dataset), ""]
    if "keep_csi" in record.attrs and not record.attrs["keep_csi"]:
        lines += ["The CSI was not kept; `isacsim generate --keep-csi` does.", ""]
    splits = set(dataset["split"].values.tolist())
    split = "train" if "train" in splits or not splits else min(splits)
    return "\n".join([*lines, _LOADING.format(name=_code(name), split=_code(split))])


def _code(text: str) -> str:
    """A name within quotes of Python in a code block, which it can end no more than them."""
    return text.encode("unicode_escape").decode().replace('"', '\\"').replace("`", "\\x60")


def _counts(dataset: xr.Dataset) -> list[str]:
    counts = class_counts(dataset)
    labels = sorted({key[3] for key in counts})
    header = ["domain", "scenario", "split"]
    header += ["unlabelled" if k < 0 else f"{k} target{'s' if k != 1 else ''}" for k in labels]
    rows = []
    for group in sorted({key[:3] for key in counts}):
        here = [counts[*group, label] for label in labels]
        rows.append([*map(plain, group), *map(str, here), str(sum(here))])
    return _table([*header, "all"], rows)


def _origins(attrs: Mapping[str, Any]) -> list[str]:
    """List the scenarios and seeds of the data set, where scenarios made it."""
    from isacsim.scenario.model import Scenario

    if "scenarios" not in attrs:
        return []
    lines = ["## Scenarios", ""]
    fingerprints = json.loads(attrs.get("fingerprints", "{}"))
    for name, text in json.loads(attrs["scenarios"]).items():
        scenario = Scenario.from_yaml(text, file=name)
        mark = f" (fingerprint {plain(str(fingerprints[name])[:12])})" if name in fingerprints else ""
        lines.append(f"- **{plain(name)}**{mark}: {plain(scenario.description)}")
    return [
        *lines,
        "",
        "Their full text is in the attribute `scenarios`. Sample i of a part depends on (scenario, seed, index) alone; "
        "all three are stored with it, and `isacsim inspect STORE --sample N --regenerate` makes it again.",
        "",
    ]


def _variables(dataset: xr.Dataset) -> list[str]:
    rows = []
    for name, v in dataset.variables.items():
        units = str(v.attrs.get("units", ""))
        dtype = "text" if v.dtype.kind in "TOU" else str(v.dtype)
        shape = " x ".join(f"{dim} {size}" for dim, size in v.sizes.items())
        rows.append(
            [
                f"`{name}`",
                shape,
                dtype,
                plain(units) if units != "1" else "",
                plain(str(v.attrs.get("long_name", ""))),
            ]
        )
    return _table(["name", "dimensions", "type", "unit", "what"], rows)


_LOADING = """## Load

With xarray:

```python
import xarray
dataset = xarray.open_zarr("{name}")
chosen = dataset.isel(sample=(dataset.split == "{split}").values)
```

With torch:

```python
import isacsim, torch
samples = isacsim.to_torch("{name}", split="{split}")
loader = torch.utils.data.DataLoader(samples, batch_size=64, num_workers=2)
```

With TensorFlow:

```python
import isacsim
samples = isacsim.to_tf_dataset("{name}", split="{split}")
batches = samples.batch(64)
```
"""


def plain(text: str) -> str:
    """Text of users and files, so that Markdown shows it as it is: no links, pictures, HTML, headings or cells."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    # Entities, which end a code span's or a table's cell no more than a backslash would; GitHub links bare addresses.
    return "".join(f"&#{ord(c)};" if c in _MARKS else c for c in line)


_MARKS = frozenset("\\`*_{}[]()<>#+!|~&$@:=^")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]


def noise_sentence(dataset: xr.Dataset) -> str | None:
    """Say how many samples hold no thermal noise; None if all do, or the data set does not say."""
    if "snr_db" not in dataset:
        return None
    without, whole = int(np.isposinf(dataset["snr_db"].values).sum()), dataset.sizes["sample"]
    if not without:
        return None
    which = (
        "This data set is noise-free" if without == whole else f"{without} of {whole} samples are noise-free"
    )
    return f"{which}: no thermal noise was added, and snr_db is infinite."


def class_counts(dataset: xr.Dataset) -> Counter[tuple[str, str, str, int]]:
    """Count samples by (domain, scenario, split, n_targets)."""
    columns = [dataset[name].values.tolist() for name in ("domain", "scenario", "split", "n_targets")]
    return Counter(zip(*columns, strict=True))


def snr_histogram(dataset: xr.Dataset, bins: int = 10) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count samples by SNR; counts (bin,) and edges (bin + 1,) in dB.

    Samples whose SNR is unknown, or which hold no noise, are left out.
    """
    snr = dataset["snr_db"].values
    counts, edges = np.histogram(snr[np.isfinite(snr)], bins)
    return counts, edges.astype(np.float64)
