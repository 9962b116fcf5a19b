"""The terminal: answers on stdout, progress and questions on stderr."""

from __future__ import annotations

import sys
import time

from jupyter_mlops.records import Step

REDRAW_S = 0.1
BAR_WIDTH = 24


class Terminal:
    """What the command line prints; redirected streams get no bars and no questions."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._drawn_at_s = 0.0
        self._began: dict[str, float] = {}

    def say(self, text: str) -> None:
        """Print an answer."""
        try:
            sys.stdout.write(text.rstrip("\n") + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stderr.close()

    def complain(self, text: str) -> None:
        """Print an error."""
        sys.stderr.write(text.rstrip("\n") + "\n")

    def ask(self, question: str) -> bool:
        """Put a yes-or-no question; nobody at the keyboard means no."""
        return self.question(f"{question} [y/N] ").lower() in ("y", "yes")

    def question(self, prompt: str) -> str:
        """Ask for a line of text; nobody at the keyboard gives an empty one."""
        if not (sys.stdin and sys.stdin.isatty() and self._live):
            return ""
        self.finish()
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    def progress(self, step: Step) -> None:
        """Draw the bar of `step` in place, at most ten times a second."""
        moment = time.monotonic()
        began = self._began.setdefault(step.what, moment)
        ended = step.total is not None and step.done >= step.total
        if not self._live or (moment - self._drawn_at_s < REDRAW_S and not ended):
            return
        self._drawn_at_s = moment
        sys.stderr.write("\r\x1b[K" + _bar(step, moment - began))
        sys.stderr.flush()

    def finish(self) -> None:
        """Wipe the bar."""
        if self._live and self._drawn_at_s:
            sys.stderr.write("\r\x1b[K")
            self._drawn_at_s = 0.0


def _bar(step: Step, elapsed_s: float) -> str:
    note = f"  {step.note}" if step.note else ""
    if not step.total:
        return (f"{step.what} {step.done:,.0f} {step.unit}".rstrip() if step.done else f"{step.what} …") + note
    ratio = min(step.done / step.total, 1.0)
    filled = round(ratio * BAR_WIDTH)
    left = f" ~{elapsed_s / ratio - elapsed_s:.0f} s" if 0 < ratio < 1 and elapsed_s > 1 else ""
    counted = f"{step.done:,.0f}/{step.total:,.0f} {step.unit}"
    return f"{step.what} {'█' * filled}{'░' * (BAR_WIDTH - filled)} {counted}{left}{note}"
