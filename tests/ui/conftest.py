"""A real Lab, a real browser, a real project; token and XSRF stay on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from ui.people import people
from ui.real_lab import Desk, Lab, build_project, deployed, mlops, open_sidebar, start

__all__ = ["people"]

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
LABEXTENSION = Path(__file__).parents[2] / "jupyter_mlops" / "labextension"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for the server, its kernels and the verbs, with an identity for git."""
    home = tmp_path_factory.mktemp("home")
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    (home / ".gitconfig").write_text("[user]\n\tname = Sara\n\temail = sara@example.org\n")
    patch = pytest.MonkeyPatch()
    # Looked at first, before what the environment has: the front end of this tree is the one that is tested.
    places = {"HOME": home, "JUPYTER_CONFIG_DIR": home / ".jupyter", "JUPYTER_PATH": home / ".local/share/jupyter"}
    for name, value in {**places, "DVC_NO_ANALYTICS": 1}.items():
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
        lacking = "needs Chromium and a built front end"
        pytest.fail(lacking) if os.environ.get("MLOPS_BROWSER") == "required" else pytest.skip(lacking)
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
    if deployed(root / "project"):
        mlops("undeploy", "wages", cwd=root / "project")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def desk(lab: Lab, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Desk]:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/mlops/v1/" in request.url else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(lab.page() + "&reset")
    page.set_default_timeout(20_000)
    open_sidebar(page)
    page.wait_for_selector("[data-section=data] [role=treeitem]")
    yield Desk(page, lab, asked, errors)
    if os.environ.get("MLOPS_SCREENSHOTS"):
        page.screenshot(path=f"{os.environ['MLOPS_SCREENSHOTS']}/end-{request.node.name}.png")
    page.close()
    assert errors == []
