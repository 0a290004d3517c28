"""``isacsim export``: data sets and captures in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isacsim.errors import InputError
from isacsim.terminal import output, remark, sample_progress

__all__ = ["export"]

_PCAP = ".pcap"


def export(
    source: Annotated[
        str, typer.Argument(help="Data set (.zarr), or capture (.nc) to become a .pcap.", show_default=False)
    ],
    output_file: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File to write; its ending is the format: .nc, .mat or .npz of a data set, .pcap of a capture.",
            show_default=False,
        ),
    ],
    split: Annotated[
        str | None, typer.Option(help="Only the samples of this split.", show_default=False)
    ] = None,
    variables: Annotated[
        str | None,
        typer.Option(help="Variables to export, e.g. aj_noisy,n_targets; default: all.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write a data set as netCDF, .mat or .npz, or a simulated capture as a Nexmon .pcap."""
    from isacsim.capture.netcdf import looks_saved
    from isacsim.dataset.loading.export import EXPORTERS
    from isacsim.files import check_output

    ending = output_file.suffix.lower()
    if ending not in (*EXPORTERS, _PCAP):
        raise InputError(
            f"{output_file}: the name must end in {', '.join(EXPORTERS)} (of a data set) or {_PCAP} (of a capture)."
        )
    check_output(output_file, overwrite=overwrite)
    is_capture = looks_saved(Path(source))
    if ending == _PCAP:
        if not is_capture:
            raise InputError(f"{source}: {_PCAP} is made from a capture (.nc), as isacsim simulate saves it.")
        if split is not None or variables is not None:
            raise InputError("--split and --variables are for data sets; a capture has neither.")
        _pcap(source, output_file, overwrite)
    else:
        if is_capture:
            raise InputError(
                f"{source}: a capture becomes {_PCAP}; {ending} is made from a data set (.zarr)."
            )
        names = None if variables is None else [name.strip() for name in variables.split(",") if name.strip()]
        with sample_progress(output_file.name, unit="pieces") as progress:
            EXPORTERS[ending](
                source, output_file, split=split, variables=names, overwrite=overwrite, progress=progress
            )
    output().print(f"export: {output_file} ({output_file.stat().st_size / 1e6:.1f} MB)")


def _pcap(source: str, output_file: Path, overwrite: bool) -> None:
    from isacsim.capture.formats.nexmon_writer import write_nexmon
    from isacsim.capture.netcdf import load_capture

    capture = load_capture(source)
    written = write_nexmon(capture, output_file, overwrite=overwrite)
    output().print(
        f"{capture.sizes['packet']} packets of {capture.sizes['receiver']} receiver(s) as int16 of a {written.chip}; "
        f"CSI = {written.step:.9g} x what the file holds, rounding {written.error_db:.0f} dB below its mean power"
    )
    if "agc_gain_db" in capture and bool((capture["agc_gain_db"] != 0).any()):
        remark("the format has no place for the AGC gain: the amplitudes stay as the receiver scaled them")
