"""Stores under two processes, other people's files, noise and names that are Markdown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import isacsim
from isacsim.dataset.card import plain
from isacsim.dataset.inspection import damage
from isacsim.dataset.store.lock import locked
from isacsim.dataset.store.opening import open_record
from isacsim.dataset.store.store import create_store
from tests.dataset.test_store import samples

N = 6


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "a.zarr"
    record = create_store(path, samples(1), N, chunk=4, attrs={"title": "test"})
    from isacsim.dataset.store.store import write_chunk

    for number in range(2):
        start, stop = record.bounds(number)
        block = samples(stop - start)
        write_chunk(record, number, {name: block[name].values for name in record.variables})
    return path


HOLD = """
import sys, time
from isacsim.dataset.store.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_told_who_holds_a_store_and_a_kill_lets_it_go(tmp_path):
    path = tmp_path / "new.zarr"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(isacsim.InputError, match=rf"process {holder.pid} .*is making or extending it"):
        isacsim.generate(isacsim.load_scenario("default"), path, n_samples=1, progress=False)
    holder.kill()
    holder.wait()
    with locked(path):
        assert list(path.iterdir()) == []
    holder.stdin.close()
    holder.stdout.close()


def test_a_lock_leaves_nothing_behind_and_is_one_threads(tmp_path):
    path = tmp_path / "deep" / "new.zarr"
    with locked(path), locked(path):
        refused = []

        def other():
            try:
                with locked(path):
                    pass
            except isacsim.InputError as error:
                refused.append(str(error))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert "another thread" in refused[0]
    assert list(tmp_path.iterdir()) == []


def test_overwriting_leaves_what_is_not_the_stores(store, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a").write_text("mine")
    (store / "notes.txt").write_text("mine")
    (store / "aj_noisy" / "notes.txt").write_text("mine")
    (store / "link").symlink_to(tmp_path / "precious")
    linked, gone, *_ = (name for name in open_record(store).variables if not name.startswith("aj_"))
    shutil.move(store / linked, tmp_path / "elsewhere")
    (store / linked).symlink_to(tmp_path / "elsewhere")
    create_store(store, samples(1).drop_vars(gone), N, chunk=3, attrs={"title": "other"})
    for file in ("notes.txt", "aj_noisy/notes.txt", "link/a"):
        assert (store / file).read_text() == "mine"
    assert (tmp_path / "elsewhere" / "zarr.json").is_file() and not (store / linked).is_symlink()
    assert not (store / gone).exists() and not open_record(store).complete().any()


@pytest.mark.parametrize("claimed", [b"\xff" * 4, b"\0" * 4, b"\x05\0\0\0"])
def test_text_that_claims_too_much_is_a_fault_and_asks_for_no_memory(store, claimed):
    chunk = store / "scenario" / "c" / "0"
    chunk.write_bytes(claimed + chunk.read_bytes()[4:])
    assert any("scenario of chunk 0" in fault and "claims" in fault for fault in damage(store))


def test_any_bytes_in_any_object_are_faults_or_a_sentence(store):
    rng = np.random.default_rng(0)
    files = [path for path in sorted(store.rglob("*")) if path.is_file()]
    told = 0
    for path in files:
        before = path.read_bytes()
        for noise in (b"[" * 5000, rng.bytes(len(before))):
            path.write_bytes(noise)
            try:
                told += bool(damage(store))
            except isacsim.InputError:
                told += 1
        path.write_bytes(before)
    assert told == 2 * len(files)
    assert damage(store) == []


@pytest.mark.parametrize("n", [10**15, 2**31, -1, True, "4"])
def test_numbers_of_samples_that_no_store_holds_are_refused(store, n):
    root = json.loads((store / "zarr.json").read_text())
    root["attributes"]["n_samples"] = n
    (store / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(isacsim.InputError, match="attribute n_samples"):
        open_record(store)


def test_users_text_is_text_in_markdown():
    hostile = "a|b ![x](http://e.vil/x.png) <script>alert(1)</script> `c` [l](u)\n# h *b* _i_ https://e.vil"
    shown = plain(hostile)
    assert not set("|![]()<>`#*_:\n") & set(shown.replace("&#", "").replace(";", ""))
    import html

    assert html.unescape(shown) == " ".join(hostile.split())


def test_more_samples_than_a_store_or_the_disk_holds_make_no_store(tmp_path, monkeypatch):
    scenario = isacsim.load_scenario("default")
    for n, sentence in ((2**31, "more than one store holds"), (2**31 - 1, "of disk")):
        with pytest.raises(isacsim.InputError, match=sentence):
            isacsim.generate(scenario, tmp_path / "s.zarr", n_samples=n, progress=False)
    monkeypatch.setenv("ISACSIM_MEMORY_LIMIT", "1MB")
    with pytest.raises(isacsim.InputError, match=r"radio\.packets 1024 .* the memory limit is 1000000 bytes"):
        isacsim.generate(scenario, tmp_path / "s.zarr", n_samples=1, progress=False)
    with pytest.raises(isacsim.InputError, match="memory limit"):
        isacsim.simulate(scenario, seed=0)
    assert os.listdir(tmp_path) == []
