r"""Equations as MathML, numbered by their own ``\tag{M3}``, with a link wherever a docstring says "eq. (M3)"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TAG = re.compile(r"\\tag\{(M\d+)\}")
CITED = re.compile(r"\beq\. \((M\d+)\)")


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _display(translator: Any, node: nodes.math_block) -> None:
    text = node.astext()
    tag = TAG.search(text)
    formula = tex2mathml(TAG.sub("", text).strip(), as_block=True)
    if tag:
        name = tag[1]
        number = f'<a class="eqno" href="#equation-{name}">({name})</a>'
        translator.body.append(f'<div class="equation" id="equation-{name}">{formula}{number}</div>\n')
    else:
        translator.body.append(f'<div class="equation">{formula}</div>\n')
    raise nodes.SkipNode


def _cite(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """API pages lie two folders below docs/method.md."""
    lines[:] = [CITED.sub(r"`eq. (\1) <../../method.html#equation-\1>`__", line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.connect("autodoc-process-docstring", _cite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
