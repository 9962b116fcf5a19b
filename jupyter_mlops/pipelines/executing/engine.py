"""Our papermill engine: saves throttled and atomic, progress by cell, a kernel started beforehand.

Works under the plain command too: ``papermill --engine mlops in.ipynb out.ipynb``.
"""

from __future__ import annotations

import ast
import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from jupyter_core.utils import run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.log import logger

from jupyter_mlops.errors import EnvironmentFault
from jupyter_mlops.pipelines.executing.clients import ReadyClient, end
from jupyter_mlops.pipelines.executing.secrecy import Secrecy
from jupyter_mlops.pipelines.records.environment import Observatory
from jupyter_mlops.pipelines.records.reports import MIME
from jupyter_mlops.records import write_atomically

SAVE_EVERY_S = 2.0
SAVE_SHARE = 20
ANSWER_S = 5.0
MOST_PRINTED = 4_000_000
"""Characters that a cell may print; what more it prints is left out of the executed notebook."""
CUT = "\n[the rest of what this cell printed is left out]\n"


@attrs.define
class Watch:
    """What a caller hears and learns of an execution.

    Attributes
    ----------
    cell
        Called with the number of code cells done, and of all; the injected parameters do not count.
    source, target
        The notebook's own path and that of the executed one, for the record inside the latter.
    secrecy
        Hands secrets to the kernel; None when the notebook asks for none.
    observatory
        Where what is known of the environment is kept; None to look at nothing.
    packages, environment
        What was installed where the kernel ran, and the digest of all about it; filled in at the end.
    keep
        Writes the notebook as far as it got; set when the execution begins.
    agent
        What a Python kernel executes, silently, before the first cell.
    question, answer
        An expression for a Python kernel after the last cell, whose value is text; who hears that.
    report
        Hears what the notebook reports by ``mlops.report``; False ends the kernel at once.
    is_pruned
        Whether `report` said so.
    """

    cell: Callable[[int, int], None] = lambda _done, _total: None
    source: str = ""
    target: str = ""
    secrecy: Secrecy | None = None
    observatory: Observatory | None = None
    packages: dict[str, str] = attrs.field(factory=dict)
    keep: Callable[[], None] = lambda: None
    environment: str | None = None
    agent: str = ""
    question: str = "''"
    answer: Callable[[str], None] = lambda _: None
    report: Callable[[Mapping[str, Any]], bool] = lambda _report: True
    is_pruned: bool = False


class ThrottledSaves(NotebookExecutionManager):  # type: ignore[misc]  # papermill has no types
    """Writes the notebook while it runs, at most one twentieth of the time."""

    def __init__(self, nb: Any, watch: Watch, **settings: Any) -> None:
        super().__init__(nb, **settings)
        self._watch = watch
        self._next_save = time.monotonic() + SAVE_EVERY_S

    def save(self, **_: Any) -> None:
        """Write when the last write is long enough ago."""
        if time.monotonic() >= self._next_save:
            self.save_now()

    def save_now(self) -> None:
        """Write at once: readers see the old notebook or the new one."""
        from nbformat import writes

        start = time.monotonic()
        if self._watch.secrecy:
            self._watch.secrecy.clean(self.nb)
        if self.output_path and "://" not in str(self.output_path):
            write_atomically(Path(self.output_path), str(writes(self.nb)).encode())  # type: ignore[no-untyped-call]
        self._next_save = time.monotonic() + max(SAVE_EVERY_S, SAVE_SHARE * (time.monotonic() - start))
        self.last_save_time = self.now()

    def cell_complete(self, cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        """Tell whoever watches how many cells are done; one that failed is not."""
        super().cell_complete(cell, cell_index, **kwargs)
        if sys.exc_info()[0] is None and cell.metadata.papermill["status"] != self.FAILED:
            self._watch.cell(self._count((cell_index or 0) + 1), self._count(len(self.nb.cells)))

    def _count(self, end: int) -> int:
        """The code cells before `end` that the author wrote."""
        return sum(
            cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", ())
            for cell in self.nb.cells[:end]
        )


class QuickClient(PapermillNotebookClient):  # type: ignore[misc]  # papermill has no types
    """Executes with a kernel that may have been started before, and ends it without idle waiting."""

    km: Any
    kc: Any

    def __init__(self, nb_man: ThrottledSaves, watch: Watch, **settings: Any) -> None:
        super().__init__(nb_man, **settings)
        self._watch = watch
        self._printed: dict[int, int] = {}

    @contextlib.contextmanager
    def setup_kernel(self, **kwargs: Any) -> Iterator[None]:
        """A ready kernel for the length of the block; signals stay with whoever called us."""
        if self.km is None:
            self.km = self.create_kernel_manager()
        try:
            if not self.km.has_kernel:
                self.start_new_kernel(**kwargs)
            if self.kc is None:
                self.km.client_factory = ReadyClient
                self.start_new_kernel_client()
            yield
        finally:
            if self.km is not None:
                run_sync(end)(self.km, self.kc, at_once=self._watch.is_pruned)
            self.kc = self.km = None

    def _heard(self, report: Mapping[str, Any]) -> None:
        """Pass on what the notebook reports; when nobody wants the rest, go on as nbclient does with a dead kernel."""
        if self._watch.is_pruned or self._watch.report(report):
            return
        self._watch.is_pruned = True
        if self.task_poll_for_reply is not None:
            self.task_poll_for_reply.cancel()

    def papermill_execute_cells(self) -> None:
        """Execute, then note what is installed where the kernel runs."""
        if self._watch.agent and self._speaks_python():
            self.kc.execute(self._watch.agent, silent=True, store_history=False)
        super().papermill_execute_cells()
        if self._watch.observatory:
            self._observe(self._watch.observatory)
        if self._watch.agent and self._speaks_python():
            self._ask()

    def _speaks_python(self) -> bool:
        return bool(self.nb.metadata.get("language_info", {}).get("name", "python") == "python")

    def _ask(self) -> None:
        """Put the question of whoever watches."""
        try:
            self._watch.answer(self._evaluated(self._watch.question))
        except Exception as error:  # noqa: BLE001  # the notebook has run, and what it read can be asked again
            logger.warning("What the notebook read and wrote could not be asked: %s", error)

    def execute_cell(self, cell: Any, cell_index: int, **settings: Any) -> Any:
        """Execute; after the cell with the parameters, put the values of secrets in the place of their references."""
        done = super().execute_cell(cell, cell_index, **settings)
        secrecy = self._watch.secrecy
        if secrecy and cell_index == secrecy.cell(self.nb.cells):
            try:
                secrecy.learn(self._evaluated(secrecy.expression()))
            except RuntimeError as error:
                raise EnvironmentFault("secret-missing", str(error).partition(": ")[2]) from error
        return done

    def process_message(self, message: Any, cell: Any, cell_index: int) -> Any:
        """Keep what the kernel sent; values of secrets are taken out before anything else sees them."""
        if self._watch.secrecy:
            message["content"] = self._watch.secrecy.scrubber.document(message["content"])
        if message["msg_type"] == "display_data" and (said := message["content"]["data"].get(MIME)):
            self._heard(said)
            return None
        if message["msg_type"] == "stream" and not self._has_room(message["content"], cell_index):
            return None
        return super().process_message(message, cell, cell_index)

    def _has_room(self, content: dict[str, Any], cell_index: int) -> bool:
        """Whether a cell has not printed too much before; what is too much is cut off."""
        before = self._printed.get(cell_index, 0)
        self._printed[cell_index] = before + len(content["text"])
        if before <= MOST_PRINTED < self._printed[cell_index]:
            content["text"] = content["text"][: MOST_PRINTED - before] + CUT
        return before <= MOST_PRINTED

    def _observe(self, observatory: Observatory) -> None:
        """Note where the notebook ran; the notebook has run, so a list of packages is not worth its failure."""
        try:
            if self._speaks_python():
                answer = self._evaluated(observatory.expression())
                self._watch.packages, self._watch.environment = observatory.keep(answer)
            else:
                language = self.nb.metadata.get("language_info", {})
                self._watch.environment = observatory.keep_foreign(language)
        except Exception as error:  # noqa: BLE001
            logger.warning("The environment could not be recorded: %s", error)

    def _evaluated(self, expression: str) -> str:
        """The text that a Python kernel makes of `expression`; nothing of it is shown or kept in its history.

        Raises
        ------
        RuntimeError
            The kernel could not evaluate it; its own words.
        """
        answer: dict[str, Any] = run_sync(self._asked)(expression)
        if answer.get("status") != "ok":
            raise RuntimeError(f"{answer.get('ename')}: {answer.get('evalue')}")
        return str(ast.literal_eval(answer["data"]["text/plain"]))

    async def _asked(self, expression: str) -> dict[str, Any]:
        request = {"silent": True, "store_history": False, "user_expressions": {"found": expression}}
        message = self.kc.execute("", **request)
        while (reply := await self.kc.get_shell_msg(timeout=ANSWER_S))["parent_header"].get("msg_id") != message:
            continue
        found: dict[str, Any] = reply["content"]["user_expressions"]["found"]
        return found


class MlopsEngine(NBClientEngine):  # type: ignore[misc]  # papermill has no types
    """The engine named ``mlops``."""

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **settings: Any) -> Any:
        """Execute `nb`; papermill itself writes the finished notebook afterwards."""
        watch = settings.pop("watch", None) or Watch()
        log_output = settings.get("log_output", False)
        names = ("output_path", "progress_bar", "log_output", "autosave_cell_every")
        shown = {name: settings.pop(name) for name in names if name in settings}
        manager = ThrottledSaves(nb, watch, **shown)
        watch.keep = manager.save_now
        if watch.source:
            nb.metadata.papermill.update(input_path=watch.source, output_path=watch.target)
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(manager, kernel_name, log_output=log_output, watch=watch, **settings)
        except BaseException:
            manager.save_now()
            raise
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
            if watch.secrecy:
                watch.secrecy.clean(manager.nb)
        return manager.nb

    @classmethod
    def execute_managed_notebook(cls, nb_man: ThrottledSaves, kernel_name: str, **settings: Any) -> Any:
        """Run the cells; `km` in `settings` is a kernel that was started beforehand."""
        timeout = settings.pop("execution_timeout", None)
        start_timeout = settings.pop("start_timeout", 60)
        settings.pop("input_path", None)
        client = QuickClient(
            nb_man,
            **settings,
            timeout=timeout,
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logger,
        )
        return client.execute()
