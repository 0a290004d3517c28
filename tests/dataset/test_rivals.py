"""Two to four processes at one store at the same moment: one result, and a sentence for each of the others."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from isacsim.dataset.inspection import damage
from isacsim.dataset.store.opening import open_record

# Forked where all is imported and nothing is begun, so that they start within milliseconds of one another.
RIVALS = """
import json, os, sys, time, traceback
import isacsim.cli, isacsim.commands.generate, isacsim.commands.inspect
import isacsim.dataset.repair, isacsim.dataset.synthetic.generate, xarray, zarr
commands, begin, pids = json.loads(sys.argv[1]), time.monotonic() + 0.2, []
for number, command in enumerate(commands):
    pid = os.fork()
    if not pid:
        code = 70
        try:
            os.dup2(os.open(f"{sys.argv[2]}/{number}.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            time.sleep(max(0.0, begin - time.monotonic()))
            isacsim.cli.app(command)
        except SystemExit as ended:
            code = ended.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    pids.append(pid)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]))
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks")


@pytest.fixture
def run(tiny, tmp_path):
    """Function: run commands at once; exit codes, and what each said."""
    (tmp_path / "tiny.yaml").write_text(tiny().to_yaml())

    def at_once(*commands):
        fixed = ["--workers", "0", "--no-progress", "--seed", "4", "--chunk", "2"]
        given = [[*map(str, command), *(fixed if command[0] == "generate" else ())] for command in commands]
        done = subprocess.run(
            [sys.executable, "-c", RIVALS, json.dumps(given), str(tmp_path)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        codes = json.loads(done.stdout.splitlines()[-1])
        return codes, [(tmp_path / f"{n}.txt").read_text() for n in range(len(given))]

    return at_once


def one_sentence_each(codes, said):
    for code, text in zip(codes, said, strict=True):
        assert code in (0, 1, 2), (code, text)
        assert "Traceback" not in text, text
        if code:
            assert len(text.strip().splitlines()) == 1, text
            assert text.strip().startswith("isacsim: "), text


def digests(path):
    return np.asarray(open_record(path).digests[:])


def test_one_result_and_sentences_for_the_others(run, tmp_path):
    whole, store = tmp_path / "whole.zarr", tmp_path / "store.zarr"
    made = ["generate", "tiny.yaml", "-n", "12", "-o"]
    more = ["generate", "tiny.yaml", "-n", "20", "--extend", "-o"]
    assert run([*made, whole])[0] == [0]
    short = digests(whole)
    # Three that create: who finds it locked says so, who comes later finds it complete.
    codes, said = run(*[[*made, store]] * 3)
    one_sentence_each(codes, said)
    assert 0 in codes
    assert all("is making or extending it" in text for code, text in zip(codes, said, strict=True) if code)
    assert damage(store) == []
    assert np.array_equal(digests(store), short)
    # One that extends, one that makes it anew, one that repairs, one that goes on.
    codes, said = run(
        [*more, store], [*made, store, "--overwrite"], ["inspect", store, "--repair"], [*made, store]
    )
    one_sentence_each(codes, said)
    assert damage(store) == []
    found = digests(store)
    assert len(found) in (len(short), 10)
    assert np.array_equal(found[: len(short)], short)
    assert not [path.name for path in store.rglob("*") if path.suffix == ".partial"]
