"""The widget of `diff`: choose a column or a kind of change, and page through the changed rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from jupyter_mlops import rendering
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.rendering.differences import changed_rows
from jupyter_mlops.rendering.markup import fragment

if TYPE_CHECKING:
    from ipywidgets import Widget

    from jupyter_mlops.verbs.differences import Difference

PAGE = 20
ANY_COLUMN = "Any column"
KINDS = (("All changes", "any"), ("Added", "added"), ("Modified", "modified"), ("Removed", "removed"))
WORKSPACE = "@workspace"

Ask = Callable[..., "Difference"]
"""Compares again: takes what `diff` takes."""


class ChangedRows:
    """A page of changed rows with its controls.

    Parameters
    ----------
    found
        What was compared; its first page is there already.
    ask
        Reads another page.
    """

    def __init__(self, found: Difference, ask: Ask) -> None:
        from ipywidgets import HTML, Button, Dropdown, HBox, VBox

        self._found = found
        self._ask = ask
        self._cursors = [""]
        self._next: str | None = None
        self.column = Dropdown(options=[ANY_COLUMN, *found.columns], description="Changes in")
        self.kind = Dropdown(options=KINDS, description="Show")
        self.back, self.forth = Button(description="Previous"), Button(description="Next")
        self.where, self.shown = HTML(), HTML()
        self.column.observe(self._restart, "value")
        self.kind.observe(self._restart, "value")
        self.back.on_click(lambda _: self._turn(-1))
        self.forth.on_click(lambda _: self._turn(1))
        controls = HBox([self.column, self.kind, self.back, self.forth, self.where])
        self.widget: Widget = VBox([HTML(rendering.html(summary(found))), controls, self.shown])
        self._read()

    def _restart(self, _: Any) -> None:
        self._cursors = [""]
        self._read()

    def _turn(self, step: int) -> None:
        if step < 0:
            self._cursors = self._cursors[:-1] or [""]
        elif self._next:
            self._cursors.append(self._next)
        self._read()

    def _read(self) -> None:
        column = () if self.column.value == ANY_COLUMN else (self.column.value,)
        try:
            page = self._ask(
                self._found.before.removesuffix(WORKSPACE),
                self._found.after.removesuffix(WORKSPACE),
                key=self._found.key,
                column=column,
                kind=self.kind.value,
                cursor=self._cursors[-1],
                limit=PAGE,
                rows=0,
            )
        except MlopsError as error:
            self.shown.value = rendering.error_html(error)
            return
        self._show(page)

    def _show(self, page: Difference) -> None:
        self._next = page.next_cursor
        self.back.disabled, self.forth.disabled = len(self._cursors) == 1, not page.next_cursor
        first = PAGE * (len(self._cursors) - 1)
        span = f"{first + 1:,} to {first + len(page.changes):,} of" if page.changes else "none of"
        self.where.value = f"{span} {page.matching:,}"
        self.shown.value = fragment(changed_rows(page)) if page.changes else "No row fits."


def summary(found: Difference) -> Difference:
    """What differs, without the rows themselves."""
    return attrs.evolve(found, changes=(), cells=(), next_cursor=None)
