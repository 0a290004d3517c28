"""The guard before ray tracing: a bad LLVM ends in one sentence, never in this process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from isacsim import InputError
from isacsim.channel.sionna import llvm
from tests.extras import need


@pytest.fixture
def environ(monkeypatch):
    """The variable as a test wants it, put back afterwards; nothing of it is remembered."""
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", os.environ.get("DRJIT_LIBLLVM_PATH", ""))
    monkeypatch.delenv("DRJIT_LIBLLVM_PATH")
    llvm._choose.cache_clear()
    yield monkeypatch
    llvm._choose.cache_clear()


def test_a_library_that_is_not_there_or_no_library_is_refused_by_name(environ, tmp_path):
    broken = tmp_path / "libLLVM.so"
    broken.write_bytes(b"not a library")
    for named in (tmp_path / "missing.so", broken):
        environ.setenv("DRJIT_LIBLLVM_PATH", str(named))
        with pytest.raises(InputError, match="which is no LLVM that can be loaded") as caught:
            llvm.require_llvm()
        text = str(caught.value)
        assert str(named) in text and "DRJIT_LIBLLVM_PATH" in text and "pip install 'isacsim[rt]'" in text
        assert "\n" not in text


def test_a_child_that_aborts_takes_nothing_with_it(environ):
    environ.setattr(llvm, "_CHILD", "import os; os.abort()")
    environ.setattr(llvm, "_packaged", lambda: "/any/libLLVM.so")
    assert llvm._version(None) == ()
    with pytest.raises(InputError, match="LLVM 17 or newer, but the system has none"):
        llvm.require_llvm()


@pytest.mark.parametrize("said", ["LLVM -1 -1 -1", "LLVM 15 0", "nothing", ""])
def test_what_a_child_may_say_without_an_llvm(environ, said):
    environ.setattr(llvm, "_CHILD", f"print({said!r})")
    assert llvm._version(None) == ()


def test_the_first_good_one_is_taken(environ):
    versions = {None: (15, 0, 6), "/named": (19, 1, 0), "/old": (16, 0, 0), "/packaged": (23, 1, 0)}
    environ.setattr(llvm, "_version", lambda library: versions[library])
    environ.setattr(llvm, "_packaged", lambda: "/packaged")
    assert llvm._choose("/named") == ("/named", "")
    library, wrong = llvm._choose("/old")
    assert (
        library is None and "/old" in wrong and "LLVM 16.0.0" in wrong
    )  # no other is taken behind the user's back
    assert llvm._choose(None) == ("/packaged", "")
    versions["/packaged"] = ()
    llvm._choose.cache_clear()
    assert llvm._choose(None) == (None, "the system has LLVM 15.0.6")
    versions[None] = (17, 0, 6)
    llvm._choose.cache_clear()
    assert llvm._choose(None) == (None, "")


def test_children_are_asked_once(environ):
    asked = []
    environ.setattr(llvm, "_version", lambda library: asked.append(library) or (19, 1, 0))
    assert llvm.usable_llvm() == llvm.usable_llvm() == ""
    assert asked == [None]


def test_no_scene_is_traced_before_the_guard(tmp_path):
    # In a process of its own: not even the import of the tracer may happen.
    code = """
import sys
from isacsim import InputError, load_scenario, simulate
try:
    simulate(load_scenario("lab_rt"), seed=0)
except InputError as error:
    print("drjit" in sys.modules, "mitsuba" in sys.modules, error)
"""
    need("sionna_tdl")
    environment = os.environ | {"DRJIT_LIBLLVM_PATH": "/nonsense", "ISACSIM_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "False False ray tracing needs LLVM 17 or newer, but DRJIT_LIBLLVM_PATH names /nonsense"
    )
    assert list(tmp_path.iterdir()) == []


def test_here_a_good_one_is_loaded():
    need("sionna_rt")
    llvm.require_llvm()
    import drjit.detail

    assert drjit.detail.llvm_version() >= (17,)
