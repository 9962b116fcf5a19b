"""Blocks as HTML: no script, nothing loaded, every text escaped, readable without the style too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import singledispatch
from html import escape

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.rendering import charts, coordinates
from jupyter_mlops.rendering.blocks import (
    ICONS,
    Bar,
    Bars,
    Cell,
    Code,
    Document,
    Facts,
    Graph,
    Histogram,
    Listing,
    Mark,
    Parallel,
    Section,
    Sentence,
    Share,
    Table,
    Tone,
)
from jupyter_mlops.rendering.plain import clean, lines
from jupyter_mlops.rendering.style import FRAGMENT, PAGE
from jupyter_mlops.rendering.units import number

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def fragment(page: Document) -> str:
    """`page` for a cell's output, with its style."""
    return f'<style>{FRAGMENT}</style><div class="mlops">{_titled(page, "h3")}</div>'


def whole_page(page: Document, footer: str = "") -> str:
    """`page` as one HTML file that stands alone."""
    foot = f"<footer>{safe(footer)}</footer>" if footer else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(page.title)}</title><style>{PAGE}{FRAGMENT}</style></head>"
        f'<body><main class="mlops">{_titled(page, "h1")}</main>{foot}</body></html>\n'
    )


def card(error: MlopsError) -> str:
    """`error` as a card: what happened, where, what to do next."""
    context = f"<p>{safe(error.context)}</p>" if error.context else ""
    hint = f"<p>{_hint(error.hint)}</p>" if error.hint else ""
    link = f'<p class="quiet"><a href="{safe(error.link)}">{safe(error.reference)}</a></p>'
    head = f"<p>{_mark(Mark(error.message, Tone.BAD))}</p>"
    return f'<style>{FRAGMENT}</style><div class="mlops card" role="alert">{head}{context}{hint}{link}</div>'


def safe(text: str) -> str:
    """`text` that can stand anywhere in HTML, an attribute too."""
    return escape(clean(text), quote=True)


def cell(value: Cell) -> str:
    """One cell or part of a sentence."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, Mark):
        return _mark(value)
    if isinstance(value, Share):
        return f'<span class="share">{charts.share(value.percent)} {value.percent:.0f}%</span>'
    tag = "code" if isinstance(value, Code) else "strong"
    return f"<{tag}>{safe(value.text)}</{tag}>"


@singledispatch
def block(value: object) -> str:
    """One block."""
    raise TypeError(f"no HTML form of {type(value).__name__}")


@block.register
def _(value: Sentence) -> str:
    return f"<p>{' '.join(cell(part) for part in value.parts if part != '')}</p>"


@block.register
def _(value: Listing) -> str:
    text = "\n".join(clean(line) for line in value.text.splitlines())
    return f'<pre aria-label="{safe(value.caption)}">{escape(text)}</pre>'


@block.register
def _(value: Facts) -> str:
    rows = "".join(f'<tr><th scope="row">{safe(name)}</th><td>{cell(item)}</td></tr>' for name, item in value.pairs)
    return _table(value.caption, "", rows, "facts")


@block.register
def _(value: Section) -> str:
    inner = "".join(block(each) for each in value.blocks)
    if value.folded:
        return f"<details><summary>{safe(value.title)}</summary>{inner}</details>"
    return f"<section><h4>{safe(value.title)}</h4>{inner}</section>"


@block.register
def _(value: Table) -> str:
    classes = [' class="number"' if name in value.numeric else "" for name in value.columns]
    pairs = zip(classes, value.columns, strict=True)
    head = "".join(f'<th scope="col"{kind}>{safe(name)}</th>' for kind, name in pairs)
    rows = "".join(_row(row, classes) for row in value.rows)
    return _table(value.caption, head, rows) + _more(value.more)


@block.register
def _(value: Bars) -> str:
    longest = max((max(bar.value, bar.threshold) for bar in value.bars), default=1.0) or 1.0
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Column", "Effect", "", "State", ""))
    rows = "".join(_bar_row(bar, longest) for bar in value.bars)
    drawn = [bar for bar in value.bars if bar.histogram]
    folded = "".join(_distribution(bar, is_open=index == 0) for index, bar in enumerate(drawn))
    return _table(value.caption, head, rows) + _more(value.more) + folded


@block.register
def _(value: Histogram) -> str:
    return f'<div class="wide">{charts.histogram(value)}</div>'


@block.register
def _(value: Parallel) -> str:
    return f'<div class="wide">{coordinates.parallel(value)}</div>'


@block.register
def _(value: Graph) -> str:
    text = escape("\n".join(lines(value)))
    drawn = f'<div class="wide">{charts.graph(value)}</div>' if value.vertices else ""
    return (
        f"<figure>{drawn}<details><summary>{safe(value.caption)} as text</summary><pre>{text}</pre></details></figure>"
    )


def _titled(page: Document, tag: str) -> str:
    return f"<{tag}>{safe(page.title)}</{tag}>" + "".join(block(each) for each in page.blocks)


def _row(row: Sequence[Cell], classes: Sequence[str]) -> str:
    first, *rest = (f"{kind}>{cell(value)}" for value, kind in zip(row, classes, strict=True))
    return f'<tr><th scope="row"{first}</th>' + "".join(f"<td{each}</td>" for each in rest) + "</tr>"


def _bar_row(bar: Bar, longest: float) -> str:
    parts = (charts.bar(bar, longest), number(bar.value), _mark(bar.mark), safe(bar.note))
    return f'<tr><th scope="row">{safe(bar.name)}</th>' + "".join(f"<td>{part}</td>" for part in parts) + "</tr>"


def _distribution(bar: Bar, *, is_open: bool) -> str:
    assert bar.histogram is not None  # noqa: S101 (the caller kept only those)
    return (
        f"<details{' open' if is_open else ''}><summary>{safe(bar.name)}</summary>"
        f"{charts.histogram(bar.histogram)}</details>"
    )


def _table(caption: str, head: str, rows: str, kind: str = "rows") -> str:
    named = f"<caption>{safe(caption)}</caption>" if caption else ""
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    whole = f'<table class="{kind}">{named}{top}<tbody>{rows}</tbody></table>'
    return f'<div class="wide">{whole}</div>'


def _more(rows: int) -> str:
    return f'<p class="quiet">… {rows:,} more</p>' if rows else ""


def _mark(mark: Mark) -> str:
    return f'<span class="mark {mark.tone}"><span aria-hidden="true">{ICONS[mark.tone]}</span> {safe(mark.text)}</span>'


def _hint(text: str) -> str:
    """A line to type as code; a sentence, with what stands between its backticks as code."""
    if "`" not in text and not text.endswith((".", "?")):
        return cell(Code(text))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", safe(text))
