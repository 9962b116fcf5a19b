"""Notebook-first MLOps inside JupyterLab.

Every verb is a function here: ``mlops.commit(["data"], message="May")``. The project is
the one around the current folder, or ``project=``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def report(*, step: int | None = None, **metrics: float) -> None:
    """Say how a metric stands while this notebook runs as a pipeline stage.

    It is kept with the run, and `sweep` ends a trial that lags behind; outside of a run nobody hears it.

    Parameters
    ----------
    step
        An epoch or round, counted from 0; one more than the last when left out.
    metrics
        ``auc=0.71``: names and numbers.

    Raises
    ------
    UsageError
        ``bad-report``.
    """
    from jupyter_mlops.kernel import publish

    publish(metrics, step)


def __getattr__(name: str) -> Any:
    """A verb by its Python name, found when it is first used."""
    if name.startswith("_"):
        raise AttributeError(name)
    # "from jupyter_mlops import python" would ask this very function for "python".
    from jupyter_mlops.python import verb_as_function

    return verb_as_function(name)


def __dir__() -> list[str]:
    """The verbs, for completion."""
    from jupyter_mlops.python import names

    return sorted({*globals(), *names()})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext jupyter_mlops``: the ``%mlops`` magics."""
    from jupyter_mlops.kernel import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext jupyter_mlops``."""
    from jupyter_mlops.kernel import unload

    unload(shell)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-mlops"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from jupyter_mlops.server.extension import MlopsExtension

    return [{"module": "jupyter_mlops", "app": MlopsExtension}]
