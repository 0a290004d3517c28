"""Saying in sentences, with file, line and field, what is wrong in a scenario's YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, ValidationError

from isacsim.errors import InputError
from isacsim.scenario.numbers import bound_words
from isacsim.scenario.yaml_file import did_you_mean

__all__ = ["TAGS", "validate"]

# Fields by which unions tell their models apart; the first that a model has.
TAGS = ("kind", "model")

Model = TypeVar("Model", bound=BaseModel)


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
        raise InputError(f"{file}: numbers too large or too small to calculate with ({error})") from error
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
            current = None  # a field that the file does not hold: its parent's line
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
