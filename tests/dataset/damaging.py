"""Ways to damage a data set, and to hear what the commands say of it."""

from __future__ import annotations

from typer.testing import CliRunner

from isacsim.cli import app

N = 10


def said(*arguments, code=2):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout + result.stderr


def one_sentence(*arguments):
    lines = said(*arguments).strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("isacsim: "), lines
    return lines[0]


def cut(file):
    file.write_bytes(file.read_bytes()[:-9])


def same_files(one, other):
    for file in (f for f in one.rglob("*") if f.is_file() and f.suffix not in (".md", ".png")):
        assert file.read_bytes() == (other / file.relative_to(one)).read_bytes(), file
