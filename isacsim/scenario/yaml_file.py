"""Reading and writing a scenario's YAML."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from isacsim.errors import InputError
from isacsim.files import check_file

__all__ = ["did_you_mean", "dump", "parse", "read_text"]

# Aliases of aliases can blow a small file up to billions of entries.
_MOST_NODES = 100_000
_MOST_BYTES = 2**24


# ruamel.yaml, which knows lines and duplicate keys by itself, was measured on the 25 shipped scenarios: loading takes
# 1.7 (safe) to 2.3 times (round trip) as long, `yes` and `off` turn to text and `0x10` to 16, and what it dumps breaks
# its lines elsewhere in all 25: every fingerprint would change.
class _Loader(yaml.SafeLoader):
    """YAML as people expect it: ``80e6`` is a number, ``010`` is ten, a date is text."""

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        """Read decimal digits only: YAML 1.1 reads a leading zero as octal and colons in base 60."""
        value = str(self.construct_scalar(node))
        if len(value) > 100:  # Python would refuse thousands of digits without naming the line
            raise yaml.constructor.ConstructorError(
                None, None, "a number of over 100 digits", node.start_mark
            )
        return int(value.replace("_", ""))

    def construct_number(self, node: yaml.ScalarNode) -> float:
        """Read a float, its infinities and not-a-number (which validation refuses by name)."""
        value = str(self.construct_scalar(node))
        return float(value.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))


_TAG = "tag:yaml.org,2002:"
# Only what a scenario needs: no sets, dates, binary, or tags that make objects.
_Loader.yaml_constructors = {
    f"{_TAG}null": _Loader.construct_yaml_null,
    f"{_TAG}bool": _Loader.construct_yaml_bool,
    f"{_TAG}int": _Loader.construct_integer,
    f"{_TAG}float": _Loader.construct_number,
    f"{_TAG}str": _Loader.construct_yaml_str,
    f"{_TAG}seq": _Loader.construct_yaml_seq,
    f"{_TAG}map": _Loader.construct_yaml_map,
    None: _Loader.construct_undefined,
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.split(":")[-1] in ("null", "bool", "merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|nan))$"
    ),
    list("-+0123456789."),
)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give ``"; did you mean x?"`` for the known word nearest to `word`, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def read_text(path: Path) -> str:
    """Read a scenario file.

    Raises
    ------
    InputError
        If there is no such file, it is none (a pipe, a device), too large, cannot be read, or is not UTF-8 text.
    """
    try:
        return check_file(path, most_bytes=_MOST_BYTES).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); a scenario is a YAML file") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def parse(text: str, file: str) -> tuple[dict[Any, Any], yaml.Node]:
    """Turn YAML text into a mapping and the node tree that knows its lines.

    Parameters
    ----------
    text : str
        The YAML.
    file : str
        What to call it in messages.

    Raises
    ------
    InputError
        On a syntax error, a duplicate key, an unknown tag, an empty file, or anything but a mapping.
    """
    node: yaml.Node | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise InputError(f"{file}: empty; a scenario is a YAML mapping (name, radio, targets, ...)")
        if _expanded_size(node, {}) > _MOST_NODES:
            raise InputError(
                f"{file}: over {_MOST_NODES} entries once its aliases are expanded; not a scenario"
            )
        problems = [f"{file}, line {key.start_mark.line + 1}: {text}" for key, text in _wrong_keys(node)]
        if problems:
            raise InputError("\n".join(problems))
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise InputError(f"{file}{where}: not valid YAML: {problem}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{file}: not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InputError(f"{file}: nested too deeply to be a scenario") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise InputError(
            f"{file}, line {node.start_mark.line + 1}: a scenario is a YAML mapping (name, radio, targets, "
            f"...), not a {'list' if isinstance(data, list) else 'single value'}"
        )
    return data, node


def _expanded_size(node: yaml.Node, known: dict[int, float]) -> float:
    """Count nodes with aliases expanded, before anything (an error's repr) expands them; cycle: infinite."""
    if id(node) not in known:
        known[id(node)] = math.inf
        inner = list(node.value) if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            inner = [child for pair in node.value for child in pair]
        known[id(node)] = 1 + sum(_expanded_size(child, known) for child in inner)
    return known[id(node)]


def _wrong_keys(root: yaml.Node) -> Iterator[tuple[yaml.Node, str]]:
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.tag == f"{_TAG}null":
                        yield key, f"{key.value or 'nothing'} (null) stands where the name of a field should"
                    if (key.tag, key.value) in keys:
                        yield key, f"{key.value!r} is given twice"
                    keys.add((key.tag, key.value))
                stack.append(value)
        elif isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)


def dump(data: dict[str, Any]) -> str:
    """Write a mapping of plain values as YAML that `parse` reads back exactly."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
