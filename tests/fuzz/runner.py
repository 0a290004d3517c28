"""The runner: cases go through a child process, which a watchdog ends and starts anew.

``python -m tests.fuzz.runner --cases 1000 --seed 7`` prints what came of each kind. The case (seed, kind, number) is
the same every time. A case that fails goes into ``corpus/``, which `tests.fuzz.test_corpus` goes through.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.fuzz.kind import Garbage, Kind
from tests.fuzz.kinds import KINDS
from tests.fuzz.mutations import mutated

CORPUS = Path(os.environ.get("ISACSIM_FUZZ_CORPUS") or Path(__file__).with_name("corpus"))
SECONDS = 10.0
"""Longest that a case may take."""
START_SECONDS = 300.0
FAULTS = ("raw", "garbage", "hung", "crashed")
"""A raw error, wrong numbers without a word, no end within `SECONDS`, the end of the interpreter."""
# A case that waits (for a pipe, say) uses no processor.
_PATIENCE = 6
_TOLD_EVERY = 250
MEMORY = 8 * 2**30


def case(kind: Kind, which: str, seed: int, number: int) -> tuple[str, bytes]:
    """Give a damaged input: which one, and its content."""
    rng = np.random.default_rng([seed, zlib.crc32(which.encode()), number])
    name = sorted(kind.sound)[int(rng.integers(len(kind.sound)))]
    return name, mutated(kind.sound[name], rng, text=name.endswith(kind.text or ("\0",)))


def corpus(which: str) -> Iterator[tuple[Path, str, bytes, int]]:
    """Cases that failed once: file, name, content, turn."""
    for path in sorted((CORPUS / which).glob("*")) if (CORPUS / which).is_dir() else ():
        head, _, content = path.read_bytes().partition(b"\n")
        about = json.loads(head)
        yield path, about["name"], content, about["turn"]


def keep(which: str, name: str, content: bytes, turn: int, why: str) -> Path:
    """Put a case into the corpus."""
    path = CORPUS / which / hashlib.sha256(content).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {"name": name, "turn": turn, "why": why.splitlines()[-1][:200] if why else ""}
    path.write_bytes(json.dumps(head).encode() + b"\n" + content)
    return path


def child(which: str, seed: int, first: int, last: int) -> None:
    """Work cases off; a line before and after each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    told = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print
    with tempfile.TemporaryDirectory(prefix="isacsim-fuzz-") as folder:
        kind = KINDS[which](Path(folder))
        if unsound := kind.unsound():
            sys.exit(f"{which}: refused as they are, undamaged: {', '.join(unsound)}")
        print("ready", file=told)
        for number in range(first, last):
            name, content = case(kind, which, seed, number)
            print("begin", number, file=told)
            try:
                outcome = kind.attempt(name, content, number)
            except BaseException as error:
                outcome = "garbage" if isinstance(error, Garbage) else "raw"
                why = "".join(traceback.format_exception_only(error)).strip()
                path = keep(which, name, content, number, why)
                print("why", json.dumps([number, name, path.name, why, traceback.format_exc()]), file=told)
            print("tally", json.dumps(kind.tally), file=told)
            print("end", outcome, file=told)
            kind.tally.clear()


def run(which: str, seed: int, cases: int) -> tuple[Counter[str], Counter[str]]:
    """Run cases of a kind in children; count what came of them, and what the kind counts."""
    counts: Counter[str] = Counter()
    tally: Counter[str] = Counter()
    first = 0
    while first < cases:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.runner",
            "--child",
            which,
            str(seed),
            str(first),
            str(cases),
        ]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment)
            number, ended = _follow(process, counts, tally)
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
            if ended:
                break
            if number is None:  # not one case was begun: nothing was tried
                said.seek(0)
                sys.exit(f"{which} does not start:\n{said.read().decode(errors='replace')}")
        # It crashed or hung in this case.
        how = "hung" if process.returncode == -9 else f"crashed ({process.returncode})"
        print(f"  {which} case {number}: {how}", flush=True)
        counts["hung" if how == "hung" else "crashed"] += 1
        with tempfile.TemporaryDirectory() as folder:
            keep(which, *case(KINDS[which](Path(folder)), which, seed, number), number, how)
        first = number + 1
    return counts, tally


def _follow(
    process: subprocess.Popen[bytes], counts: Counter[str], tally: Counter[str]
) -> tuple[int | None, bool]:
    """Read a child's lines until it ends, or takes too long; the case it is at, and whether it came to its end."""
    number, limit = None, START_SECONDS
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    rest, since, used = b"", time.monotonic(), 0.0
    while True:
        if not selector.select(timeout=1.0):
            waited = time.monotonic() - since
            # Others may have the processor: what counts is the time that the case had it.
            if waited > limit and (_used(process.pid) - used > limit or waited > _PATIENCE * limit):
                return number, False
            continue
        data = process.stdout.read()
        if not data:
            process.stdout.close()
            process.wait()
            return number, process.returncode == 0
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            word, _, more = line.decode().partition(" ")
            since, limit, used = time.monotonic(), SECONDS, _used(process.pid)
            if word == "begin":
                number = int(more)
            elif word == "end":
                counts[more] += 1
                if not sum(counts.values()) % _TOLD_EVERY:
                    print(f"  {sum(counts.values())} cases: {dict(counts)}", flush=True)
            elif word == "tally":
                tally.update(json.loads(more))
            elif word == "why":
                case_number, name, file, why, trace = json.loads(more)
                print(f"  case {case_number} ({name}, corpus/{file}): {why}\n{trace}", flush=True)


def _used(pid: int) -> float:
    """Seconds that a process and its children had a processor; of one that is gone, 0."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run all kinds, or those asked for; exit code 1 on any fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000, help="of each kind")
    parser.add_argument("--seed", type=int, default=None, help="default: another every time")
    parser.add_argument("--kinds", default=",".join(KINDS), help=", ".join(KINDS))
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        which, *numbers = given.child
        child(which, *map(int, numbers))
        return
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    print(f"seed {seed}: make fuzz SEED={seed} CASES={given.cases} makes the same cases", flush=True)
    total: Counter[str] = Counter()
    for which in given.kinds.split(","):
        begun = time.monotonic()
        counts, tally = run(which, seed, given.cases)
        total += counts
        told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        print(f"{which}: {told} in {time.monotonic() - begun:.0f} s", flush=True)
        if tally:
            print("  " + ", ".join(f"{what}: {count}" for what, count in sorted(tally.items())), flush=True)
    faults = sum(total[what] for what in FAULTS)
    print(f"{sum(total.values())} cases, {faults} faults; seed {seed}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
