"""Face: ``%mlops VERB …`` in a notebook; it works with or without a Jupyter server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

NAME = "mlops"


def publish(metrics: Mapping[str, Any], step: int | None) -> None:
    """What ``mlops.report`` does.

    Raises
    ------
    UsageError
        ``bad-report``.
    """
    from jupyter_mlops.kernel import reporting

    reporting.publish(metrics, step)


def load(shell: InteractiveShell) -> None:
    """Register ``%mlops`` and its completion; everything heavy waits for the first line."""
    from jupyter_mlops.kernel.completing import complete_line
    from jupyter_mlops.kernel.magic import Magic

    unload(shell)
    magic = Magic(shell)
    for kind, function in (("line", magic.line), ("cell", magic.cell)):
        shell.magics_manager.register_function(function, kind, NAME)
    shell.Completer.custom_matchers.append(complete_line)


def unload(shell: InteractiveShell) -> None:
    """Take ``%mlops`` away again."""
    from jupyter_mlops.kernel.completing import complete_line

    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(NAME, None)
    matchers = shell.Completer.custom_matchers
    while complete_line in matchers:
        matchers.remove(complete_line)
