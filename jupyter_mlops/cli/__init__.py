"""Face: ``jupyter mlops VERB …``."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_mlops.cli.parser import PROGRAM, Options, Parsed, parse
from jupyter_mlops.cli.terminal import Terminal
from jupyter_mlops.errors import EnvironmentFault, MlopsError, UsageError
from jupyter_mlops.verbs.declaration import Verb
from jupyter_mlops.verbs.invoking import Origin, invoke, translated


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one line of the command line.

    Returns
    -------
    int
        0 ok; 1 a gate failed; 2 usage; 3 environment or I/O; 4 denied or waiting for approval.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal()
    options = Options(json="--json" in words, debug="--debug" in words)
    try:
        with translated(PROGRAM):
            parsed = parse(words)
            if parsed.verb is None:
                terminal.say(parsed.help)
                return 0
            options = parsed.options
            return _show(_run(parsed.verb, parsed, terminal), options, terminal)
    except MlopsError as error:
        return _explain(error, options, terminal)


def _run(verb: Verb, parsed: Parsed, terminal: Terminal) -> Any:
    """Invoke the verb; the one question about a name is asked and answered here."""
    origin = Origin("cli", _folder(parsed.options), progress=terminal.progress, ask=terminal.ask)
    try:
        return invoke(verb, parsed.arguments, origin)
    except UsageError as error:
        if error.reference != "identity-unknown" or not (
            name := terminal.question("Your name, for the versions you make: ")
        ):
            raise
        return invoke(verb, {**parsed.arguments, "author": name}, origin)
    finally:
        terminal.finish()


def _folder(options: Options) -> Path:
    folder = Path(options.project)
    if not folder.is_dir():
        raise EnvironmentFault("folder-missing", f"There is no folder {folder}.", hint=f"{PROGRAM} --project DIR …")
    return folder


def _show(result: Any, options: Options, terminal: Terminal) -> int:
    if options.json:
        import msgspec

        terminal.say(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
    else:
        from jupyter_mlops.rendering import text

        terminal.say(getattr(result, "verbatim", "") or text(result, PROGRAM))
    if opens := getattr(result, "opens", ""):
        from jupyter_mlops.cli.lab import open_lab

        open_lab(Path(result.root), opens)
    return 1 if getattr(result, "gate", None) else 0


def _explain(error: MlopsError, options: Options, terminal: Terminal) -> int:
    if options.debug:
        traceback.print_exception(error)
    if options.json:
        import json

        terminal.say(json.dumps(error.as_json(), indent=2))
    else:
        from jupyter_mlops.rendering import error_text

        terminal.complain(error_text(error))
    return error.exit_code
