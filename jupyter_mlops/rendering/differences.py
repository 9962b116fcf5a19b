"""The rendition of `diff`: schema, rows old beside new, how columns moved, texts and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jupyter_mlops.profiles.rows import CellChange
from jupyter_mlops.rendering import pictures  # noqa: F401 (it draws them)
from jupyter_mlops.rendering.blocks import (
    Block,
    Cell,
    Code,
    Document,
    Histogram,
    Listing,
    Mark,
    Pictures,
    Section,
    Tone,
    facts,
    say,
    table,
)
from jupyter_mlops.rendering.generic import document
from jupyter_mlops.rendering.units import changes, count, exact, number, size

if TYPE_CHECKING:
    from jupyter_mlops.profiles.movements import ColumnMovement
    from jupyter_mlops.profiles.previews import PictureChange, TextChange
    from jupyter_mlops.profiles.rows import RowChange
    from jupyter_mlops.verbs.differences import Difference

MOST_PATHS = 50
MOST_COLUMNS = 8


@document.register
def _(result: Difference) -> Document:
    blocks: list[Block] = [say(_words(result))]
    blocks += [say(result.note)] if result.note else []
    schema: list[tuple[Cell, ...]] = [
        (each.column, each.before or "absent", each.after or "absent") for each in result.schema
    ]
    blocks += table("Schema", "Column|Before|After", schema)
    blocks += _rows(result)
    for text in result.texts:
        blocks += _text(text)
    blocks += [block for each in result.pictures for block in _picture(each)]
    blocks += _files(result)
    return Document(f"{result.before} → {result.after}", tuple(blocks))


def changed_rows(result: Difference) -> Document:
    """The page of changed rows alone."""
    return Document(f"{result.before} → {result.after}", tuple(_page(result)))


def _words(result: Difference) -> Mark:
    rows = result.rows
    words = changes(rows.added, rows.modified, rows.removed) if rows else ""
    files = changes(len(result.files.added), len(result.files.modified), len(result.files.removed))
    parts = [f"rows {words}" if words else "", f"files {files}" if files else "", "schema" if result.schema else ""]
    changed = ", ".join(part for part in parts if part)
    return Mark(changed, Tone.CHANGED) if changed else Mark("No difference.", Tone.GOOD)


def _rows(result: Difference) -> Iterator[Block]:
    """Counts, the page of changed rows, and how columns moved."""
    if result.rows is None:
        return
    rows = result.rows
    counted: tuple[Cell, ...] = (f"{rows.added:,}", f"{rows.modified:,}", f"{rows.removed:,}")
    yield from table("Rows", "Added|Modified|Removed", [counted], numeric="Added|Modified|Removed")
    yield from _columns(result)
    yield from _page(result)
    if result.next_cursor:
        yield say(f"{count(result.matching, 'changed row')};", "the next:", Code(f"--cursor {result.next_cursor}"))
    for each in result.movements:
        yield from _movement(each, result)


def _page(result: Difference) -> Iterator[Block]:
    """Changed cells, and the rows that came or went."""
    cells: list[tuple[Cell, ...]] = [
        (each.key, each.column, exact(each.before), exact(each.after)) for each in _cells(result)
    ]
    yield from table("Cells", "Row|Column|Before|After", cells)
    for kind in ("added", "removed"):
        yield from _whole(kind, [row for row in result.changes if row.kind == kind], result)


def _cells(result: Difference) -> Sequence[CellChange]:
    """The changed cells of the page; more of them where the page is but the beginning."""
    page = [
        CellChange(row.key, name, before, row.values.get(name))
        for row in result.changes
        for name, before in row.before.items()
    ]
    return result.cells if list(result.cells[: len(page)]) == page else page


def _whole(kind: str, rows: Sequence[RowChange], result: Difference) -> tuple[Block, ...]:
    """Rows that came or went, their first columns."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row.values) if name not in result.key]
    shown = names[:MOST_COLUMNS]
    filled: list[tuple[Cell, ...]] = [(row.key, *(exact(row.values.get(name)) for name in shown)) for row in rows]
    left = f", {len(shown)} of {len(names)} columns" if len(names) > len(shown) else ""
    return table(f"Rows {kind}{left}", ["Row", *shown], filled)


def _columns(result: Difference) -> tuple[Block, ...]:
    moved = {each.column: each for each in result.movements}
    rows: list[tuple[Cell, ...]] = [
        (name, f"{changed:,}", *_moves(moved.get(name))) for name, changed in result.columns.items()
    ]
    names = "Column|Changed|Became empty|Filled|Mean change"
    return table("Columns with changed cells", names, rows, numeric="Changed|Became empty|Filled|Mean change")


def _moves(each: ColumnMovement | None) -> tuple[Cell, Cell, Cell]:
    if each is None:
        return "", "", ""
    mean = "" if each.mean_change is None else f"{'+' if each.mean_change > 0 else ''}{number(each.mean_change)}"
    return (f"{each.emptied:,}" if each.emptied else ""), (f"{each.filled:,}" if each.filled else ""), mean


def _movement(each: ColumnMovement, result: Difference) -> Iterator[Block]:
    """The changed cells of a column: where they lay and lie, and what mostly replaced what."""
    blocks: list[Block] = []
    if len(each.edges) > 1 and len(each.before) == len(each.after) == len(each.edges) - 1:
        bins = tuple(number(edge) for edge in each.edges[:-1])
        sides = [tuple(cells / max(sum(side), 1) for cells in side) for side in (each.before, each.after)]
        blocks.append(Histogram(each.column, bins, sides[0], sides[1], (result.before, result.after)))
    common: list[tuple[Cell, ...]] = [(exact(one.before), exact(one.after), f"{one.cells:,}") for one in each.common]
    blocks += table("Most frequent", "Before|After|Cells", common, numeric="Cells")
    if blocks:
        yield Section(f"Changed cells of {each.column}", tuple(blocks), folded=True)


def _text(text: TextChange) -> Iterator[Block]:
    name = text.path or "the file itself"
    blocks: list[Block] = [Listing(f"Changed lines of {name}", text.diff)] if text.diff else []
    blocks += [say("Too long to be shown here.")] if text.is_cut else []
    yield Section(f"{name}: {changes(text.added, 0, text.removed) or 'no line'}", tuple(blocks))


def _picture(each: PictureChange) -> Iterator[Block]:
    name = each.path or "the file itself"
    yield Pictures(f"Before and after: {name}", each.before, each.after)
    ratio = each.differing_ratio
    pairs = [
        (word, f"{side.width} by {side.height} pixels, {side.format}, {size(side.bytes)}" if side else "absent")
        for word, side in (("Before", each.before), ("After", each.after))
    ]
    differ = "" if ratio is None else f"{ratio:.2%}" if ratio >= 0.0001 or not ratio else "below 0.01%"
    yield from facts(*pairs, ("Pixels that differ", differ), caption=name)


def _files(result: Difference) -> tuple[Block, ...]:
    kinds = (("added", result.files.added), ("modified", result.files.modified), ("removed", result.files.removed))
    rows: list[tuple[Cell, ...]] = [(path or "the file itself", word) for word, paths in kinds for path in paths]
    shown = rows[:MOST_PATHS]
    return table("Files", "File|Change", shown, more=len(rows) - len(shown))
