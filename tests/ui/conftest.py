"""A real Lab, a real browser, a real project; token and XSRF stay on."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import attrs
import nbformat
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
LABEXTENSION = Path(__file__).parents[2] / "jupyter_mlops" / "labextension"
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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for the server, its kernels and the verbs, with an identity for git."""
    home = tmp_path_factory.mktemp("home")
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    (home / ".gitconfig").write_text("[user]\n\tname = Sara\n\temail = sara@example.org\n")
    patch = pytest.MonkeyPatch()
    for name, value in {"HOME": home, "JUPYTER_CONFIG_DIR": home / ".jupyter", "DVC_NO_ANALYTICS": 1}.items():
        patch.setenv(name, str(value))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "XDG_CACHE_HOME", "JUPYTER_DATA_DIR"):
        patch.delenv(name, raising=False)
    yield home
    patch.undo()


@pytest.fixture(autouse=True)
def _private_home() -> None:
    """The home of this folder's tests lasts as long as the server: see `home`."""


@pytest.fixture(scope="module")
def lab(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with our extension, as an installation lays it out."""
    if CHROMIUM is None or not (LABEXTENSION / "package.json").exists():
        pytest.skip("needs Chromium and a built front end")
    root = tmp_path_factory.mktemp("lab")
    build_project(root / "project")
    (root / "empty").mkdir()
    installed = home / ".local/share/jupyter/labextensions"
    installed.mkdir(parents=True)
    (installed / "jupyter-mlops").symlink_to(LABEXTENSION)
    process, address = start(root)
    yield address
    process.terminate()
    process.wait(20)
    mlops("undeploy", "wages", cwd=root / "project") if deployed(root / "project") else None


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
    log = (root.parent / "lab.log").open("wb")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *words]
    process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)
    lab = Lab(f"http://127.0.0.1:{port}/", token, root)
    wait_for(lab)
    return process, lab


def wait_for(lab: Lab) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            urlopen(f"{lab.url}api/status?token={lab.token}").close()  # noqa: S310
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
    mlops("stage", "add", "train", "train.ipynb", *flags, cwd=root)
    shell("git", "add", "train.ipynb", cwd=root)
    shell("git", "commit", "-qm", "notebook", cwd=root)


def write_table(root: Path, count: int, shift: int = 0) -> None:
    rows = [f"{20 + i % 40 + shift},{1000 + 13 * (i % 40) + i % 7}" for i in range(count)]
    (root / "data").mkdir(exist_ok=True)
    (root / "data/wages.csv").write_text("\n".join(["age,wage", *rows]) + "\n")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


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
        self.page.locator(".jp-Notification-Toast", has_text=re.compile(text)).first.wait_for(timeout=60_000)

    def shot(self, name: str) -> None:
        """Keep a picture where the environment names a folder for them."""
        folder = os.environ.get("MLOPS_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=f"{folder}/{name}.png")


@pytest.fixture
def desk(lab: Lab, browser: Browser) -> Iterator[Desk]:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/mlops/v1/" in request.url else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(lab.page() + "&reset")
    page.wait_for_selector(".jp-DirListing-item", timeout=60_000)
    page.keyboard.press("Control+Shift+M")
    page.wait_for_selector("[data-section=data] [role=treeitem]", timeout=30_000)
    yield Desk(page, lab, asked, errors)
    page.close()
    assert errors == []
