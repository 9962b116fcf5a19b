"""What the sidebar says when there is nothing, when something fails, without Plotly, and in the dark."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page
from ui.bare_kernel import bare_kernel
from ui.legible import faint, wear
from ui.real_lab import Desk, Lab, mlops, open_sidebar, shell, write_table

pytestmark = pytest.mark.browser
EMPTY = {
    "data": "No datasets yet. Right-click a file or folder and choose Commit version.",
    "pipelines": "No stages. Open a notebook and press Run as stage.",
    "models": "No models. Register a run's output.",
    "deployments": "Nothing is deployed.",
    "lineage": "Select a row above.",
    "drift": "Select a row above.",
}
ASKED = {
    "data": "log",
    "pipelines": "runs",
    "models": "models",
    "deployments": "deployments",
    "lineage": "lineage",
    "drift": "drift",
}
PLOTLY = "@jupyterlab/plotly-extension"  # what the package jupyterlab-plotly calls its renderer
SECTIONS = ("todo", *EMPTY)


@contextmanager
def sidebar(lab: Lab, browser: Browser, folder: str) -> Iterator[Page]:
    """A page of Lab that stands in `folder`, the sidebar open."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(lab.page(folder) + "&reset")
    open_sidebar(page)
    yield page
    page.close()


def test_every_section_says_that_it_is_empty(lab: Lab, browser: Browser) -> None:
    root = lab.root / "plain"
    shell("git", "init", "-qb", "main", str(root), cwd=lab.root)
    with sidebar(lab, browser, "plain") as page:
        for name, text in EMPTY.items():
            page.locator(f"[data-section={name}]").get_by_text(text, exact=True).wait_for(timeout=30_000)
        for name, choice in {"data": "Choose…", "models": "Choose a run…"}.items():
            page.locator(f"[data-section={name}]").get_by_role("button", name=choice).wait_for()
        page.locator("[data-section=deployments] .jp-Mlops-choices button", has_text="Deploy a version…").wait_for()
    assert shell("git", "status", "--porcelain", cwd=root) == ""


def test_a_project_of_plain_dvc_shows_and_stays_as_it_is(lab: Lab, browser: Browser) -> None:
    root = lab.root / "theirs"
    shell("git", "init", "-qb", "main", str(root), cwd=lab.root)
    shell(sys.executable, "-m", "dvc", "init", "-q", cwd=root)
    (root / "one.csv").write_text("a\n1\n")
    shell(sys.executable, "-m", "dvc", "add", "-q", "one.csv", cwd=root)
    shell("git", "add", ".", cwd=root)
    shell("git", "commit", "-qm", "one", cwd=root)
    with sidebar(lab, browser, "theirs") as page:
        page.locator("[data-section=todo]").get_by_text("All up to date.").wait_for(timeout=30_000)
        page.locator('[data-row="data:one.csv"]').filter(has_text="v1").click()
        page.locator("[data-section=drift]").get_by_text("One version only. Drift needs two.").wait_for()
    assert shell("git", "status", "--porcelain", cwd=root) == ""


@pytest.mark.parametrize("section", ASKED)
def test_a_section_that_gets_no_answer_says_so_and_tries_again(desk: Desk, section: str) -> None:
    part = desk.section(section)
    address = f"**/mlops/v1/{ASKED[section]}?*"
    desk.page.route(address, lambda route: route.abort())
    desk.page.goto(desk.lab.page() + "&reset")
    open_sidebar(desk.page)
    row = desk.row("data:").first
    row.wait_for(timeout=60_000)
    row.click()
    row.press("ArrowRight")
    alert = part.get_by_role("alert").first
    alert.get_by_text("The Jupyter server did not answer.").wait_for(timeout=30_000)
    alert.get_by_role("button", name="Details").click()
    alert.get_by_text("[unreachable]").wait_for()
    desk.shot(f"error-{section}")
    desk.page.unroute(address)
    alert.get_by_role("button", name="Retry").click()
    alert.wait_for(state="detached", timeout=30_000)


def test_a_broken_file_is_told_with_its_way_out(desk: Desk) -> None:
    pipeline = desk.lab.project / "dvc.yaml"
    before = pipeline.read_text()
    pipeline.write_text("stages: [")
    try:
        said = desk.section("todo").get_by_text("dvc.yaml cannot be read.")
        said.wait_for(timeout=30_000)
        assert desk.row("data:").first.is_visible()
        desk.page.get_by_role("button", name="MLOps: 1 failed").wait_for()
    finally:
        pipeline.write_text(before)
    said.wait_for(state="detached", timeout=30_000)


def test_a_remote_that_does_not_answer_is_an_error_that_can_be_read(desk: Desk) -> None:
    config = desk.lab.project / ".dvc/config"
    before = config.read_text()
    shell(
        sys.executable, "-m", "dvc", "remote", "add", "-d", "-f", "far", "http://127.0.0.1:9/far", cwd=desk.lab.project
    )
    try:
        desk.section("data").get_by_role("button", name="Push").click()
        toast = desk.page.locator(".Toastify__toast").first
        toast.get_by_text("push failed").wait_for(timeout=60_000)
    finally:
        config.write_text(before)


def test_drift_without_plotly_is_a_table(desk: Desk, home: Path) -> None:
    settings = home / ".jupyter/labconfig/page_config.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"disabledExtensions": {PLOTLY: True}}))
    try:
        desk.page.goto(desk.lab.page() + "&reset")
        open_sidebar(desk.page)
        desk.row("data:data/wages.csv").click(timeout=60_000)
        desk.section("drift").get_by_role("treeitem").first.wait_for(timeout=30_000)
        desk.section("drift").get_by_role("button", name="Open drift").click()
        ranking = desk.page.get_by_role("table", name="Columns ranked by effect")
        ranking.wait_for(timeout=30_000)
        assert ranking.locator("tbody tr").count() == 2
        ranking.get_by_role("button", name="wage", exact=True).click()
        values = desk.page.get_by_role("table", name="Distributions of wage")
        values.wait_for()
        shares = [float(text.split()[0]) for text in values.locator("tbody tr td:nth-child(2)").all_inner_texts()]
        assert sum(shares) == pytest.approx(100, abs=1)
        assert desk.page.locator(".jp-Mlops-plot").count() == 0
        desk.shot("drift-without-plotly")
    finally:
        settings.unlink()


def test_a_kernel_that_lacks_us_is_installed_into(desk: Desk, home: Path, tmp_path: Path) -> None:
    kernel = bare_kernel(home, tmp_path)
    named = {"kernelspec": {"name": "bare", "display_name": "Bare", "language": "python"}}
    cell = nbformat.v4.new_code_cell("%load_ext jupyter_mlops\n%mlops status")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=named), desk.lab.project / "bare.ipynb")
    desk.page.goto(desk.lab.page("project/bare.ipynb") + "&reset")
    desk.page.get_by_text("Bare | Idle").wait_for(timeout=60_000)
    desk.page.locator(".jp-Notebook .cm-content").first.click()
    desk.page.keyboard.press("Control+Enter")
    card = desk.page.locator(".jp-Mlops-card")
    card.get_by_text("%mlops is not installed in kernel Bare.").wait_for(timeout=30_000)
    install(desk)
    card.get_by_text("No matching distribution found for jupyter-mlops").wait_for(timeout=60_000)
    assert "\x1b" not in card.inner_text()
    desk.shot("kernel-card-failed")
    kernel.stock()
    install(desk)
    card.get_by_text("%mlops is ready in kernel Bare.").wait_for(timeout=60_000)
    assert (kernel.packages() / "jupyter_mlops/__init__.py").is_file()
    desk.page.keyboard.press("Escape")
    desk.page.locator(".jp-Notebook .cm-content").first.click()
    desk.page.keyboard.press("Control+Enter")
    desk.page.locator(".jp-OutputArea-output", has_text="wages").first.wait_for(timeout=30_000)
    (desk.lab.project / "bare.ipynb").unlink()


def install(desk: Desk) -> None:
    """Press the button of the card, and confirm what it is about to run."""
    desk.page.locator(".jp-Mlops-card").get_by_role("button", name="Install…").click()
    desk.page.locator(".jp-Dialog").get_by_text("This runs %pip install jupyter-mlops").wait_for(timeout=30_000)
    desk.accept("Install")


@pytest.fixture
def full(desk: Desk) -> Iterator[Desk]:
    """Every section has something to show: changed data, a run, a model, a deployment."""
    root = desk.lab.project
    mlops("run", "--force", cwd=root)
    mlops("register", "wages.skops", "--name", "shown", cwd=root)
    mlops("deploy", "shown@v1", cwd=root)
    write_table(root, 410)
    desk.row("deployment:shown").wait_for(timeout=60_000)
    desk.section("todo").get_by_text("wages").first.wait_for(timeout=30_000)
    desk.page.set_viewport_size({"width": 1400, "height": 1500})
    yield desk
    mlops("undeploy", "shown", cwd=root)
    mlops("commit", "data/wages.csv", cwd=root)


def test_every_section_can_be_read_by_day_and_by_night(full: Desk) -> None:
    full.row("data:data/wages.csv").click()
    full.row("data:data/wages.csv").press("ArrowRight")
    full.row("version:").first.wait_for()
    full.section("lineage").get_by_role("treeitem").first.wait_for(timeout=30_000)
    full.section("drift").get_by_role("treeitem").first.wait_for(timeout=30_000)
    for name in ("Light", "Dark"):
        wear(full.page, name)
        for section in SECTIONS:
            part = full.section(section)
            part.scroll_into_view_if_needed()
            keep(part, f"{section}-{name.lower()}")
            assert faint(part) == [], (section, name)
            for row in part.get_by_role("treeitem").all()[:4]:
                row.hover()
                assert faint(row) == [], (section, name, "under the mouse")
        assert faint(full.page.locator(".jp-Mlops")) == [], name


def keep(part: Locator, name: str) -> None:
    if os.environ.get("MLOPS_SCREENSHOTS"):
        part.screenshot(path=f"{os.environ['MLOPS_SCREENSHOTS']}/{name}.png")
