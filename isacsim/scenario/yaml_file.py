"""Reading a scenario's YAML, and saying on which line of it something is wrong."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, ValidationError

from isacsim.errors import InputError
from isacsim.files import check_file
from isacsim.scenario.numbers import bound_words

__all__ = ["TAGS", "did_you_mean", "dump", "parse", "read_text", "validate"]

# Fields by which unions tell their models apart; the first that a model has.
TAGS = ("kind", "model")
# Aliases of aliases can blow a small file up to billions of entries.
_MOST_NODES = 100_000
_MOST_BYTES = 2**24

Model = TypeVar("Model", bound=BaseModel)


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
        If there is no such file, it is none (a pipe, a device), too large, can't be read, or is not UTF-8 text.
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


def validate(
    model: type[Model], data: dict[Any, Any], node: yaml.Node, file: str, *, lines: bool = True
) -> Model:
    """Build a model from parsed YAML; ``lines`` False for a text that the user has not seen.

    Raises
    ------
    pydantic_core.ValidationError
        With file, line, dotted field, the value passed and what is allowed, for everything that is wrong.
        Each error's ``ctx`` holds ``file``, ``line`` and ``field``.
    """
    try:
        return model.model_validate(data)
    except ArithmeticError as error:
        raise InputError(f"{file}: numbers too large or too small to be reckoned with ({error})") from error
    except ValidationError as error:
        details = list(_single(error.errors()))
        # A list that lost its only, faulty entry also counts as too short.
        details = [d for d in details if d["type"] != "too_short" or not _has_inner(d, details)]
        raise ValidationError.from_exception_data(
            f"scenario {file}", [_locate(model, detail, node, file, lines) for detail in details]
        ) from None


def _single(details: Iterable[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Take apart what several checks of one model found."""
    for detail in details:
        if detail["type"] != "scenario_several":
            yield detail
            continue
        for context in detail["ctx"]["found"]:
            yield {**detail, "type": "scenario", "ctx": context, "msg": context["message"]}


def _has_inner(outer: ErrorDetails, details: list[ErrorDetails]) -> bool:
    depth = len(outer["loc"])
    return any(len(d["loc"]) > depth and d["loc"][:depth] == outer["loc"] for d in details)


def _locate(
    model: type[BaseModel], error: ErrorDetails, node: yaml.Node, file: str, lines: bool
) -> InitErrorDetails:
    context = error.get("ctx", {})
    path: list[str | int] = []  # without the tags of unions, which pydantic puts among the fields
    line = node.start_mark.line + 1
    current: yaml.Node | None = node
    extra: tuple[str | int, ...] = ()
    if error["type"] == "scenario":
        extra = tuple(context.get("field", ()))
    elif error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        extra = (_discriminator(error),)
    location = (*error["loc"], *extra)
    tagged: yaml.Node | None = None
    for i, part in enumerate(location):
        found = _child(current, part)
        kinds = [kind for tag in TAGS if (kind := _child(current, tag)) is not None]
        if i < len(error["loc"]) and current is not tagged and any(kind[1].value == part for kind in kinds):
            tagged = current  # the tag, even where a field is called the same
        elif found is not None:
            line, current = found
            path.append(part)
        elif i >= len(error["loc"]) or (i == len(error["loc"]) - 1 and error["type"] == "missing"):
            current = None  # a field that the file doesn't hold: its parent's line
            path.append(part)
    field = ".".join(str(part) for part in path)
    parent = (
        error["loc"][:-1] if error["type"] in ("missing", "extra_forbidden", "invalid_key") else error["loc"]
    )
    message = _sentence(error, field, _models_at(model, parent), _models_at(model, error["loc"][:-1]))
    where = f"{file}, line {line}" if lines else file
    return InitErrorDetails(
        type=PydanticCustomError(
            error["type"],
            "{where}: {sentence}",
            {"where": where, "sentence": message, "file": file, "line": line, "field": field},
        ),
        loc=tuple(path),
        input=error["input"],
    )


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    """Find the line and the node of a mapping's key or a list's entry."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def _sentence(
    error: ErrorDetails, field: str, candidates: list[type[BaseModel]], parents: list[type[BaseModel]]
) -> str:
    """Say in one sentence what was passed and what is allowed.

    `candidates` are the models that the field's names come from, `parents` those that may hold the field itself.
    """
    context = error.get("ctx", {})
    kind, leaf = error["type"], str(error["loc"][-1]) if error["loc"] else ""
    if kind == "scenario":
        message = str(context["message"])
        return message if field in message else f"{field}: {message}"
    if kind == "missing":
        about = next((m.model_fields[leaf].description for m in candidates if leaf in m.model_fields), None)
        return f"{field} is missing" + (f" ({about.rstrip('.')})" if about else "")
    if kind in ("extra_forbidden", "invalid_key"):
        known = sorted({name for m in candidates for name in m.model_fields})
        return f"{field} is not a field{did_you_mean(leaf, known) or ';'} allowed here: {', '.join(known)}"
    if kind == "union_tag_not_found":
        names = [name for m in candidates for name in _kinds(m)]
        return f"{field} is missing; it must be one of {', '.join(names)}"
    if kind == "union_tag_invalid":
        allowed = str(context["expected_tags"]).replace("'", "")
        hint = did_you_mean(str(context["tag"]), allowed.split(", "))
        return f"{field} is {context['tag']!r}; it must be one of {allowed}{hint}"
    if kind in ("model_type", "model_attributes_type"):
        names = [name for m in candidates for name in _kinds(m)]
        inside = (
            f"{_tag_of(candidates[0])}: {' or '.join(names)}"
            if names
            else ", ".join(n for m in candidates for n in m.model_fields)
        )
        return f"{field} is {_short(error['input'])}; it must be a mapping with {inside}"
    message = re.sub(r"^(\w+ should|must)", "it must", error["msg"])
    # pydantic tells the bound only to those who got the type right.
    bound = (
        _bound(leaf, parents) if kind == "number" or kind.endswith(("_type", "_parsing", "_float")) else ""
    )
    return f"{field} is {_short(error['input'])}; {message}{bound}"


def _bound(leaf: str, models: list[type[BaseModel]]) -> str:
    """Say what a field's number must lie in."""
    items = [item for m in models if leaf in m.model_fields for item in m.model_fields[leaf].metadata]
    limits = [words for item in items if (words := bound_words(item))]
    return f", {' and '.join(limits)}" if limits else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _models_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[type[BaseModel]]:
    """List the models that an error's location may mean: several where a union could not be told apart."""
    here = [model]
    for part in location:
        if any(part in m.model_fields for m in here):
            annotations = [m.model_fields[str(part)].annotation for m in here if part in m.model_fields]
            here = [inner for annotation in annotations for inner in _models_in(annotation)]
        elif isinstance(part, str):  # the tag of a union
            here = [m for m in here if part in _kinds(m)] or here
    return here


def _discriminator(error: ErrorDetails) -> str:
    return str(error["ctx"]["discriminator"]).strip("'")


def _tag_of(model: type[BaseModel]) -> str | None:
    return next((tag for tag in TAGS if tag in model.model_fields), None)


def _kinds(model: type[BaseModel]) -> list[str]:
    """List the values of the field by which a union tells a model apart."""
    tag = _tag_of(model)
    return [] if tag is None else [str(name) for name in get_args(model.model_fields[tag].annotation)]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]
