"""Nothing outside the folder is found, nothing hidden, nothing large."""

from __future__ import annotations

import os
import shutil

import pytest

from isacsim.errors import InputError
from isacsim.explorer.folder import Folder


@pytest.mark.parametrize(
    "name", ["walk.dat", "rooms/mine.yaml", "within.yaml", "./walk.dat", "rooms//mine.yaml"]
)
def test_files_within_are_found(shown_folder, name):
    assert Folder(shown_folder).file(name).is_file()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../outside/secret.yaml", "without a leading / or '..'"),
        ("rooms/../walk.dat", "without a leading / or '..'"),
        ("/etc/passwd", "without a leading / or '..'"),
        ("way_out/secret.yaml", "a link that leads out"),
        ("way_out.yaml", "a link that leads out"),
        (".hidden/key.yaml", "hidden files are not shown"),
        ("to_hidden.yaml", "hidden files are not shown"),
        ("absent.yaml", "no such file"),
        ("walk.dat/x", "no such file"),
        ("rooms", "this is a folder"),
        ("", "the name of a file must be"),
        ("a\0b", "the name of a file must be"),
        ("x" * 5000, "the name of a file must be"),
        (None, "the name of a file must be"),
    ],
)
def test_nothing_else_is(shown_folder, name, why):
    with pytest.raises(InputError, match=why):
        Folder(shown_folder).file(name)


def test_links_in_a_circle_and_pipes_are_refused(tmp_path):
    (tmp_path / "round").symlink_to(tmp_path / "round")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no such file"):
        Folder(tmp_path).file("round")
    with pytest.raises(InputError, match="no regular file"):
        Folder(tmp_path).file("pipe")


def test_large_files_are_refused_by_their_size_alone(tmp_path):
    large = tmp_path / "large.dat"
    with large.open("wb") as file:
        file.truncate(3 * 2**40)  # has no blocks: whoever reads it notices
    with pytest.raises(InputError, match=r"large.dat: 3 TiB; the explorer reads files of at most 256 MiB"):
        Folder(tmp_path).file("large.dat")


def test_a_store_with_a_link_that_leads_out_is_refused(shown_folder, tmp_path):
    shutil.copytree(shown_folder / "small.zarr", tmp_path / "small.zarr")
    assert Folder(tmp_path).store("small.zarr").is_dir()
    (tmp_path / "small.zarr" / "aj_noisy" / "extra").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="a link that leads out of the data set"):
        Folder(tmp_path).store("small.zarr")
    with pytest.raises(InputError, match="no folder; a data set is"):
        Folder(shown_folder).store("walk.dat")


def test_the_list_shows_kinds_and_nothing_hidden_or_outside(shown_folder):
    listed = Folder(shown_folder).listed()
    kinds = {entry["name"]: entry["kind"] for entry in listed["entries"]}
    assert kinds == {
        "bad.dat": "file",
        "rooms": "folder",
        "saved.nc": "file",
        "small.zarr": "store",
        "walk.csv": "file",
        "walk.dat": "file",
        "within.yaml": "scenario",
        "wrong.yaml": "scenario",
    }
    assert listed["above"] is None
    inner = Folder(shown_folder).listed("rooms")
    assert [entry["path"] for entry in inner["entries"]] == ["rooms/mine.yaml"]
    assert inner["above"] == ""
    for hidden in (".hidden", "way_out", ".."):
        with pytest.raises(InputError):
            Folder(shown_folder).listed(hidden)


def test_paths_of_the_command_line_become_names(shown_folder, monkeypatch):
    monkeypatch.chdir(shown_folder)
    folder = Folder(shown_folder)
    assert folder.name_of("rooms/mine.yaml") == "rooms/mine.yaml"
    assert folder.name_of(shown_folder / "walk.dat") == "walk.dat"
    assert folder.name_of("rooms/../walk.dat") == "walk.dat"
    with pytest.raises(InputError, match=r"outside .*; start it in a folder that holds the file"):
        folder.name_of("../outside/secret.yaml")
