"""The options on how a file is read: the same for every command, and told in their own words."""

from __future__ import annotations

import inspect

import pytest

from isacsim.capture import read_capture
from isacsim.commands import count, estimate, import_captures, spectrum, track
from isacsim.commands.reading import OPTIONS, given_options, in_option_names, reads_files
from isacsim.errors import InputError


def test_options_are_the_arguments_of_read_capture():
    assert set(OPTIONS) == set(inspect.signature(read_capture).parameters) - {"path"}
    commands = (
        count.count,
        estimate.estimate,
        import_captures.import_captures,
        spectrum.spectrum,
        track.track,
    )
    for command in commands:
        assert set(OPTIONS) <= set(inspect.signature(command).parameters)


def test_a_command_gets_them_as_one_dictionary():
    got = {}

    @reads_files
    def command(name: str, *, reading: dict[str, object]) -> None:
        got.update(reading, name=name)

    values = {name: option.default for name, option in OPTIONS.items()} | {"antennas": "0, 2", "strict": True}
    command(name="x", **values)
    assert got == values | {"antennas": (0, 2), "name": "x"}
    assert given_options(values) == ["--strict", "--antennas"]
    with pytest.raises(InputError, match="--antennas a: must be whole numbers"):
        command(name="x", **values | {"antennas": "a"})


def test_arguments_become_options():
    told = in_option_names("pass packet_rate= in packets/s, e.g. packet_rate=1000; part= chooses")
    assert told == "pass --packet-rate in packets/s, e.g. --packet-rate 1000; --part chooses"
