"""The place below a cell where one line shows its progress, then its answer."""

from __future__ import annotations

import dis
import secrets
import sys
import time
from typing import TYPE_CHECKING, Any

from jupyter_mlops import rendering
from jupyter_mlops.cli.parser import PROGRAM
from jupyter_mlops.errors import GateFailed, MlopsError
from jupyter_mlops.records import Step

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_mlops.kernel.bar import Bar

MAGIC = "%mlops"
PATIENCE_S = 0.4
"""What ends sooner shows no bar."""


def is_live(shell: InteractiveShell) -> bool:
    """Whether a person looks on: front ends name the cell that they run, nbclient and papermill do not."""
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)()
    return "cellId" in (parent.get("metadata") or {})


class Place:
    """One output of a cell; the bar in it is replaced by the answer.

    Parameters
    ----------
    quiet
        The line ended in a semicolon: show errors only.
    """

    def __init__(self, shell: InteractiveShell, *, quiet: bool = False) -> None:
        self._shell = shell
        self._quiet = quiet
        self._live = is_live(shell)
        self._began_s = time.monotonic()
        self._display_id = secrets.token_hex(16)
        self._bar: Bar | None = None

    def say(self, text: str) -> None:
        """Print a page of help, in the words of this face."""
        print(text.replace(PROGRAM, MAGIC))  # noqa: T201 (stdout of the cell is the page)

    def question(self, prompt: str) -> str:
        """Ask for a line of text; where nobody looks on the answer is empty."""
        return input(prompt).strip() if self._live else ""

    def ask(self, question: str) -> bool:
        """Put a yes-or-no question; nobody there means no."""
        return self.question(f"{question} [y/N] ").lower() in ("y", "yes")

    def progress(self, step: Step) -> None:
        """Move the bar; only a live notebook gets one, so none is kept in a file."""
        if not self._live or time.monotonic() - self._began_s < PATIENCE_S:
            return
        if self._bar is None:
            from jupyter_mlops.kernel.bar import Bar

            self._bar = Bar()
            self._publish(self._bar.data)
        self._bar.move(step)

    def show(self, result: Any, *, as_json: bool = False, is_kept: bool = False) -> None:
        """Show `result` once; IPython's own echo of the same object stays silent.

        Parameters
        ----------
        is_kept
            It goes into a variable, ``x = %mlops log``: nothing is shown until that is.
        """
        echo_once(self._shell, result, is_shown=not is_kept)
        if self._quiet or is_kept:
            self._put({})
        elif as_json:
            import msgspec

            self._put({})
            self.say(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
        else:
            self.put_result(result)

    def put_result(self, result: Any) -> None:
        """Show `result` where the bar was, or as a new output."""
        from jupyter_mlops.kernel.interactive import bundle

        self._put(bundle(result, live=self._live))

    def explain(self, error: MlopsError) -> list[str]:
        """Show the card of `error`; the answer is what the front end prints as its traceback.

        A live notebook has the card, so one line is enough; the log of papermill
        or CI shows nothing else, so there all lines are kept.
        """
        error.hint = error.hint.replace(PROGRAM, MAGIC)
        if isinstance(error, GateFailed):
            self._put({})
        else:
            self._put({"text/html": rendering.error_html(error), "text/plain": rendering.error_text(error)})
        lines = rendering.error_text(error).splitlines()
        return lines[:1] if self._live else lines

    def _put(self, data: dict[str, Any]) -> None:
        """Show `data` where the bar was; nothing of the bar stays in the notebook."""
        if self._bar is not None:
            self._publish(data or {"text/plain": ""}, update=True)
            self._bar.close()
            self._bar = None
        elif data:
            self._publish(data)

    def _publish(self, data: dict[str, Any], *, update: bool = False) -> None:
        transient = {"display_id": self._display_id}
        self._shell.display_pub.publish(data=data, metadata={}, transient=transient, update=update)


def is_assigned() -> bool:
    """Whether the cell puts the result of the magic under way into a variable: its next instruction stores it."""
    frame = sys._getframe()  # noqa: SLF001 (only the caller's code knows)
    while frame and frame.f_code.co_name != "run_line_magic":
        frame = frame.f_back  # type: ignore[assignment]
    user = frame.f_back if frame else None
    if user is None:
        return False
    after = (one.opname for one in dis.get_instructions(user.f_code) if one.offset > user.f_lasti)
    return next((name for name in after if name != "CACHE"), "").startswith("STORE_")


def echo_once(shell: InteractiveShell, result: Any, *, is_shown: bool = True) -> None:
    """Keep ``Out[n]`` of this cell from repeating what was just shown; a later cell shows it again."""
    shown_in: int | None = shell.execution_count if is_shown else None

    def echo(value: Any) -> None:
        nonlocal shown_in
        if value is result and shell.execution_count == shown_in:
            shown_in = None
        else:
            Place(shell).put_result(value)

    formatter = shell.display_formatter
    if formatter is not None:
        formatter.ipython_display_formatter.for_type(type(result), echo)
