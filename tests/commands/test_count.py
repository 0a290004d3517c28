"""``isacsim count``: the table, what cannot be told, and the file."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from tests.commands.test_cli import capture_as_read, refused, run


def test_counts_stand_beside_the_truth(tmp_path: Path) -> None:
    path = tmp_path / "found.nc"
    result = run("count", "default", "--seed", 5, "-o", path)
    assert result.exit_code == 0, result.output
    with xr.open_dataset(path, engine="h5netcdf") as found:
        number = int(found["count"][0])
        share = float(found["probability"][0, number])
        assert found["kind"].item() == "points" and found.attrs["method"] == "auto"
    row = next(line for line in result.output.splitlines() if "0.512" in line).split()
    # window (3 words), count and runner-up with their probabilities (2 words each), at least, kind, true count
    assert row[3:5] == [str(number), f"({share:.2f})"] and row[-3:] == [str(number), "points", str(number)]
    for heading in ("runner-up", "at least", "kind"):
        assert heading in result.output and f"{heading}: " in result.output
    assert "cannot tell: 0 of 1 windows (0%)" in result.output
    assert "exists" in refused("count", "default", "-o", path)


def test_a_capture_without_a_rule_says_so(tmp_path: Path) -> None:
    result = run("count", capture_as_read(tmp_path, 1000, 2100))
    assert result.exit_code == 0, result.output
    assert "cannot tell: 2 of 2 windows (100%)" in result.output
    assert result.output.count("cannot tell  ") == 2 and "true" not in result.output
    assert "no rule for bodies was learned at a bandwidth of 4 MHz" in " ".join(result.stderr.split())


def test_the_command_speaks_of_its_options() -> None:
    assert "--max-targets must be" in refused("count", "default", "--max-targets", 0)
    assert "entry points isacsim.counters" in refused("count", "default", "--method", "nobody")
    assert "--receiver must be one of 0 = rx" in refused("count", "default", "--receiver", 3)
