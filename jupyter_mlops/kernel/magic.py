"""``%mlops``: one line in, a shown and returned result out, or a card and a stopped cell."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_mlops.cli.parser import Options, Parsed
    from jupyter_mlops.errors import MlopsError
    from jupyter_mlops.kernel.place import Place


class Magic:
    """The magics of one shell.

    Parameters
    ----------
    shell
        The IPython in which they run.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    @no_var_expand
    def line(self, line: str) -> Any:
        """Run a verb of jupyter-mlops: ``%mlops status``; ``%mlops help`` lists them."""
        from jupyter_mlops.errors import MlopsError
        from jupyter_mlops.kernel.place import MAGIC, Place
        from jupyter_mlops.kernel.words import split
        from jupyter_mlops.verbs.invoking import translated

        text = line.strip()
        place = Place(self._shell, quiet=text.endswith(";"))
        try:
            with translated(MAGIC):
                return self._run(split(text.removesuffix(";")), place)
        except MlopsError as error:
            self._stop(error, place, debug="--debug" in text.split())

    @no_var_expand
    def cell(self, line: str, cell: str) -> Any:
        """Make the code of the cell a notebook and a pipeline stage: ``%%mlops stage NAME``."""
        from jupyter_mlops.errors import MlopsError
        from jupyter_mlops.kernel.place import MAGIC, Place
        from jupyter_mlops.verbs.invoking import translated

        place = Place(self._shell)
        try:
            with translated(MAGIC):
                return self._stage(line, cell, place)
        except MlopsError as error:
            self._stop(error, place, debug="--debug" in line.split())

    def _stage(self, line: str, code: str, place: Place) -> Any:
        """Write the notebook, then add the stage; a stage that is refused leaves no notebook behind."""
        from jupyter_mlops.kernel import stage_cell
        from jupyter_mlops.kernel.words import split

        words = stage_cell.arguments(split(line), Path.cwd())
        notebook = Path(words[3])
        before = notebook.read_bytes() if notebook.exists() else None
        stage_cell.write(notebook, code, stage_cell.kernelspec())
        try:
            return self._run(words, place)
        except BaseException:
            if before is None:
                notebook.unlink()
            else:
                notebook.write_bytes(before)
            raise

    def _run(self, words: list[str], place: Place) -> Any:
        from jupyter_mlops.cli.parser import parse
        from jupyter_mlops.kernel.place import is_assigned
        from jupyter_mlops.kernel.words import expanded

        parsed = parse(expanded(words, self._shell.user_ns))
        if parsed.verb is None:
            place.say(parsed.help)
            return None
        result = self._invoke(parsed, place)
        failure = _failed_gate(parsed, result)
        place.show(result, as_json=parsed.options.json, is_kept=is_assigned() and failure is None)
        if failure:
            raise failure
        return result

    def _invoke(self, parsed: Parsed, place: Place) -> Any:
        """Invoke the verb; ask once for a name where nobody else knows it."""
        from jupyter_mlops.errors import UsageError
        from jupyter_mlops.verbs.invoking import Origin, invoke

        origin = Origin("magic", _folder(parsed.options), progress=place.progress, ask=place.ask)
        verb = parsed.verb
        assert verb is not None  # noqa: S101 (the caller showed the help instead)
        try:
            return invoke(verb, parsed.arguments, origin)
        except UsageError as error:
            unknown = error.reference == "identity-unknown"
            name = place.question("Your name, for the versions you make: ") if unknown else ""
            if not name:
                raise
            return invoke(verb, {**parsed.arguments, "author": name}, origin)

    def _stop(self, error: MlopsError, place: Place, *, debug: bool) -> None:
        """Show the card and stop the cell, so that *Run All* and papermill stop too."""
        lines = traceback.format_exception(error) if debug else place.explain(error)
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        raise error


def _failed_gate(parsed: Parsed, result: Any) -> MlopsError | None:
    """What stops the notebook at a failed gate, where the verb or the line asks for it."""
    from jupyter_mlops.errors import GateFailed

    wanted = bool(parsed.verb and parsed.verb.stops) or bool(parsed.arguments.get("fail_on"))
    reason = getattr(result, "gate", None)
    if wanted and reason:
        return GateFailed("gate-failed", str(reason), hint="The result above says why.")
    return None


def _folder(options: Options) -> Path:
    from jupyter_mlops.errors import EnvironmentFault

    folder = Path(options.project)
    if not folder.is_dir():
        raise EnvironmentFault("folder-missing", f"There is no folder {folder}.", hint="--project DIR")
    return folder
