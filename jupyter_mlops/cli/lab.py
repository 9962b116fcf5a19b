"""Opening JupyterLab on a project, with the sidebar in sight."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from jupyter_mlops.errors import EnvironmentFault

SIDEBAR = "jupyter-mlops"
WORKSPACE = "mlops"


def open_lab(root: Path, notebook: str) -> NoReturn:
    """Become JupyterLab in `root`, showing `notebook` beside the sidebar.

    Raises
    ------
    EnvironmentFault
        ``no-jupyterlab``.
    """
    if not find_spec("jupyterlab"):
        message = "JupyterLab is not installed here; the project is ready all the same."
        raise EnvironmentFault("no-jupyterlab", message, hint='pip install "jupyter-mlops[lab]", or --no-lab.')
    _arrange(notebook)
    start = f"/lab/workspaces/{WORKSPACE}/tree/{notebook}"
    options = [f"--LabApp.default_url={start}", f"--ServerApp.root_dir={root}"]
    if os.geteuid() == 0:
        options.append("--allow-root")
    os.chdir(root)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options])  # noqa: S606 (no shell is wanted)


def _arrange(notebook: str) -> None:
    """Save a JupyterLab workspace in which the sidebar and the notebook are open."""
    from jupyterlab.commands import get_workspaces_dir
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    layout = {
        "main": {
            "current": f"notebook:{notebook}",
            "dock": {"type": "tab-area", "currentIndex": 0, "widgets": [f"notebook:{notebook}"]},
        },
        "left": {"collapsed": False, "visible": True, "current": SIDEBAR, "widgets": ["filebrowser", SIDEBAR]},
        "relativeSizes": [0.27, 0.73, 0],
    }
    data = {
        "layout-restorer:data": layout,
        f"notebook:{notebook}": {"data": {"path": notebook, "factory": "Notebook"}},
    }
    space = {"data": data, "metadata": {"id": WORKSPACE}}
    WorkspacesManager(get_workspaces_dir()).save(WORKSPACE, json.dumps(space))
