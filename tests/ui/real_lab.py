"""A running Lab, a project made by real verbs, and a page of it."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import attrs
import nbformat
import pytest
from playwright.sync_api import Page

READY_S = 60
PARAMETERS = {"tags": ["parameters"]}


@attrs.frozen
class Lab:
    """A running JupyterLab whose root holds the project `project`."""

    url: str
    token: str
    root: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    def page(self, folder: str = "project", *, workspace: str = "") -> str:
        """The address of the Lab page that stands in `folder`."""
        where = f"lab/workspaces/{workspace}" if workspace else "lab"
        return f"{self.url}{where}/tree/{folder}?token={self.token}"


def shell(*words: str, cwd: Path) -> str:
    done = subprocess.run(words, cwd=cwd, check=True, capture_output=True, text=True, env=os.environ)
    return done.stdout


def mlops(*words: str, cwd: Path) -> str:
    """A verb by its command line: the sidebar must see what others do."""
    return shell(sys.executable, "-m", "jupyter_mlops", *words, cwd=cwd)


def notebook(path: Path, *cells: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = [nbformat.v4.new_code_cell(text) for text in cells]
    first.metadata.update(PARAMETERS)
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[first, *rest], metadata=spec), path)


def deployed(project: Path) -> bool:
    return '"wages"' in mlops("deployments", "--json", cwd=project)


def start(root: Path) -> tuple[subprocess.Popen[bytes], Lab]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    options = {
        "ServerApp.root_dir": root,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "IdentityProvider.token": token,
        "LabApp.news_url": "",
        "ServerApp.jpserver_extensions": "{'jupyter_mlops': True}",
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *words]
    with (root.parent / "lab.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)
    lab = Lab(f"http://127.0.0.1:{port}/", token, root)
    wait_for(lab)
    return process, lab


def wait_for(lab: Lab) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            urlopen(f"{lab.url}api/status?token={lab.token}").close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("JupyterLab did not start")


def build_project(root: Path) -> None:
    """Two versions of a table, a stage that learns from it, a model, all by real verbs."""
    root.mkdir()
    shell("git", "init", "-qb", "main", cwd=root)
    mlops("init", cwd=root)
    for count in (200, 260):
        write_table(root, count)
        mlops("commit", "data/wages.csv", "-m", f"{count} people", cwd=root)
    learn = (
        "import json, pandas, pickle\n"
        "from sklearn.linear_model import LinearRegression\n"
        "from skops.io import dump\n"
        "table = pandas.read_csv('data/wages.csv')\n"
        "model = LinearRegression().fit(table[['age']], table['wage'])\n"
        "dump(model, 'wages.skops')\n"
        "json.dump({'r2': model.score(table[['age']], table['wage'])}, open('metrics.json', 'w'))"
    )
    notebook(root / "train.ipynb", "scale = 1", "import time; time.sleep(1)", learn)
    flags = ("-d", "data/wages.csv", "-o", "wages.skops", "-M", "metrics.json")
    shell("git", "add", "train.ipynb", cwd=root)
    shell("git", "commit", "-qm", "notebook", cwd=root)
    mlops("stage", "add", "train", "train.ipynb", *flags, cwd=root)


def write_table(root: Path, count: int, shift: int = 0) -> None:
    rows = [f"{20 + i % 40 + shift},{1000 + 13 * (i % 40) + i % 7}" for i in range(count)]
    (root / "data").mkdir(exist_ok=True)
    (root / "data/wages.csv").write_text("\n".join(["age,wage", *rows]) + "\n")


def open_sidebar(page: Page) -> None:
    """Open our tab once Lab has put its tabs back."""
    page.wait_for_selector("#jp-main-dock-panel .jp-Launcher", timeout=60_000)
    page.locator('.jp-SideBar [data-id="jupyter-mlops"]').click()


@attrs.frozen
class Desk:
    """A page of Lab with the sidebar open, and what it asked the server."""

    page: Page
    lab: Lab
    asked: list[str]
    errors: list[str]

    def section(self, name: str):
        return self.page.locator(f"[data-section={name}]")

    def row(self, start: str):
        return self.page.locator(f'[data-row^="{start}"]')

    def accept(self, label: str) -> None:
        """Press a button of the dialog in front."""
        self.page.locator(".jp-Dialog").get_by_role("button", name=label, exact=True).click()

    def toast(self, text: str) -> None:
        self.page.locator(".Toastify__toast", has_text=re.compile(text)).first.wait_for(timeout=30_000)

    def shot(self, name: str) -> None:
        """Keep a picture where the environment names a folder for them."""
        folder = os.environ.get("MLOPS_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=f"{folder}/{name}.png")
