"""Data sets made by other processes: a dask cluster, killed ones, interrupted ones."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from typer.testing import CliRunner

import isacsim
from isacsim.cli import app
from isacsim.dataset.store.store import exists, open_record
from isacsim.dataset.synthetic.workers import map_unordered
from isacsim.errors import InputError
from tests.processes import ISACSIM

N, CHUNK, SEED = 24, 3, 4
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(Path(isacsim.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
}
# Longer than any start-up, however busy the machine.
PATIENCE = 240


def digests(path):
    return np.asarray(open_record(path).digests[:])


def complete(path):
    try:
        return int(open_record(path).complete().sum()) if path.exists() and exists(path) else 0
    except InputError:  # looked at while it is being made
        return 0


@pytest.fixture(scope="module")
def yaml(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.yaml"
    path.write_text(tiny().to_yaml())
    return path


@pytest.fixture(scope="module")
def wanted(tiny, here, tmp_path_factory):
    """Digests of the data set made in one go, by this process."""
    path = tmp_path_factory.mktemp("whole") / "whole.zarr"
    isacsim.generate(tiny(), path, n_samples=N, seed=SEED, chunk=CHUNK, client=here, progress=False)
    return digests(path)


def started(yaml, store, *options, n=N):
    fixed = ["--n", n, "--chunk", CHUNK, "--seed", SEED]
    return subprocess.Popen(
        [*ISACSIM, "generate", *map(str, [yaml, "-o", store, *fixed, *options])],
        env=ENVIRONMENT,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition, process):
    end = time.monotonic() + PATIENCE
    while process.poll() is None and not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_dask_cluster_makes_the_same_bits(yaml, wanted, tmp_path):
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"env": ENVIRONMENT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    listen = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    scheduler = subprocess.Popen([*dask, "scheduler", "--scheduler-file", file, *listen], **quiet)
    many = ["--nworkers", "2", "--nthreads", "1", "--host", "127.0.0.1"]
    worker = subprocess.Popen([*dask, "worker", "--scheduler-file", file, *many, "--no-dashboard"], **quiet)
    try:
        until(lambda: file.exists() and file.read_text().endswith("}"), scheduler)
        address = json.loads(file.read_text())["address"]
        store = tmp_path / "cluster.zarr"
        options = ["--n", N, "--chunk", CHUNK, "--seed", SEED, "--scheduler", address, "--no-progress"]
        end = time.monotonic() + PATIENCE
        while True:
            result = CliRunner().invoke(app, [str(a) for a in ["generate", yaml, "-o", store, *options]])
            # The workers may take longer to start than generate waits.
            if result.exit_code == 0 or "has no workers" not in result.stderr or time.monotonic() > end:
                break
        assert result.exit_code == 0, result.output
        assert np.array_equal(digests(store), wanted)
    finally:
        for process in (worker, scheduler):
            process.terminate()
            process.wait()


def test_killed_at_random_moments_and_resumed(yaml, wanted, tiny, here, tmp_path):
    store = tmp_path / "killed.zarr"
    rng = random.Random()
    left = []
    for _ in range(2):
        before = complete(store)
        process = started(yaml, store, "--workers", "2", "--no-progress")
        until(lambda process=process, before=before: complete(store) > before, process)
        time.sleep(rng.uniform(0, 0.2))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        left.append(complete(store))
    assert left[0] > 0
    isacsim.generate(tiny(), store, n_samples=N, seed=SEED, client=here, progress=False)
    assert np.array_equal(digests(store), wanted), left
    assert not list(store.rglob("*.partial"))
    assert not CliRunner().invoke(app, ["inspect", str(store), "--verify"]).exit_code


def test_ctrl_c_ends_in_one_sentence(yaml, wanted, tmp_path):
    store = tmp_path / "interrupted.zarr"
    # So many that it cannot be finished before.
    process = started(yaml, store, "--workers", "1", n=100 * N)
    until(lambda: complete(store) > 0, process)
    # To the whole group, as a terminal does.
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    lines = [line for line in said.strip().splitlines() if line.strip()]
    assert process.returncode == 130, said
    assert len(lines) == 1 and lines[0].startswith("isacsim: interrupted; "), said
    assert (
        f"of {100 * N} samples are in {store}, and the same isacsim generate goes on from there." in lines[0]
    )
    done = open_record(store).complete()[: len(wanted)]
    assert done.any()
    assert np.array_equal(digests(store)[: len(wanted)][done], wanted[done])


def test_a_script_needs_no_main_guard(yaml, wanted, tmp_path):
    """Workers do not import it."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, isacsim\nprint('imported')\n"
        f"isacsim.generate(isacsim.load_scenario({str(yaml)!r}), sys.argv[1], n_samples={N}, seed={SEED},\n"
        f"                 chunk={CHUNK}, workers=2, progress=False)\n"
    )
    told = subprocess.run(
        [sys.executable, script, tmp_path / "a.zarr"], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, "imported\n", "")
    assert np.array_equal(digests(tmp_path / "a.zarr"), wanted)


def _told(command, **more):
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, **more)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("how", ["command line", "standard input", "IPython"])
def test_without_a_script_there_is_no_guard_to_miss(how, yaml, wanted, tmp_path):
    """`python -c`, `python -`, and the shell that Jupyter's kernel is made of."""
    store = tmp_path / "a.zarr"
    code = (
        f"import isacsim\nfor one in [1]:\n    isacsim.generate({str(yaml)!r}, {str(store)!r}, n_samples={N}, "
        f"seed={SEED}, chunk={CHUNK}, workers=2, progress=False)\nprint('made')\n"
    )
    if how == "IPython":
        pytest.importorskip("IPython", reason="IPython is not installed: pip install ipython.")
        shell = "import sys; from IPython.core.interactiveshell import InteractiveShell as S; "
        shell += "sys.exit(not S.instance(history_manager=None).run_cell(sys.argv[1]).success)"
        told = _told([sys.executable, "-c", shell, code], cwd=tmp_path)
    elif how == "standard input":
        told = _told([sys.executable, "-"], input=code)
    else:
        told = _told([sys.executable, "-c", code])
    assert told == (0, "made\n", "")
    assert np.array_equal(digests(store), wanted)


def test_a_single_chunk_starts_no_process(tiny, wanted, monkeypatch, tmp_path):
    monkeypatch.setattr("isacsim.dataset.synthetic.workers._on_this_machine", None)
    store = tmp_path / "one.zarr"
    isacsim.generate(tiny(), store, n_samples=CHUNK, seed=SEED, chunk=CHUNK, progress=False)
    assert np.array_equal(digests(store), wanted[:1])


def _threads(number):
    import numba

    return os.getpid(), numba.get_num_threads(), os.environ["OMP_NUM_THREADS"]


def _dies_once(number, folder):
    """Killed, as by the kernel when memory runs out, the first time that it comes to task 3."""
    if number == 3 and not (mark := Path(folder, "died")).exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _dies(number):
    os.kill(os.getpid(), signal.SIGKILL)


def _fails(number):
    raise OSError(28, "No space left on device") if number else InputError("one sentence")


def on_two(function, tasks):
    return list(map_unordered(function, tasks, client=None, workers=2))


def test_each_worker_has_one_thread_for_numba_and_blas():
    found = on_two(_threads, [(k,) for k in range(8)])
    assert {(numba, blas) for _, numba, blas in found} == {(1, "1")}
    assert os.getpid() not in {pid for pid, *_ in found}


def test_a_worker_that_dies_costs_no_task(tmp_path):
    assert sorted(on_two(_dies_once, [(k, str(tmp_path)) for k in range(12)])) == list(range(12))
    assert (tmp_path / "died").exists()


def test_workers_that_die_again_and_again_are_told():
    with pytest.raises(InputError, match=r"a worker died several times .* take fewer workers"):
        on_two(_dies, [(0,)])


def test_what_a_task_raises_comes_out():
    with pytest.raises(InputError, match="one sentence"):
        on_two(_fails, [(0,)])
    with pytest.raises(OSError, match="No space left") as told:
        on_two(_fails, [(1,)])
    assert told.value.errno == 28


def test_workers_end_when_the_command_is_killed_alone(yaml, tmp_path):
    store = tmp_path / "orphans.zarr"
    process = started(yaml, store, "--workers", "2", "--no-progress", n=1000 * N)
    until(lambda: complete(store) > 0, process)
    workers = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.kill()
    process.communicate()
    end = time.monotonic() + PATIENCE
    while any(map(psutil.pid_exists, workers)):
        assert time.monotonic() < end
        time.sleep(0.1)
