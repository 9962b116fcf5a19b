"""Where a newcomer ended in a dead end: each of these now says what is so, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ui.legible import wear
from ui.real_lab import Desk, mlops, write_table
from ui.test_dialogs import choose, fill, line

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _runs(desk: Desk) -> None:
    """Two runs of the stage, on two versions of its data."""
    root = desk.lab.project
    if not (root / "executed/train.ipynb").exists():
        mlops("run", cwd=root)
        write_table(root, 300, shift=25)
        mlops("commit", "data/wages.csv", cwd=root)
        mlops("run", cwd=root)
    desk.row("run:").nth(1).wait_for(timeout=60_000)


def test_an_executed_notebook_has_its_run_and_no_drift(desk: Desk) -> None:
    desk.row("data:executed/train.ipynb").click()
    desk.section("lineage").get_by_text("Written by").wait_for(timeout=30_000)
    assert desk.row("writer:").get_by_text("train").count() == 1
    desk.section("drift").get_by_text("Drift needs a table; this is none.").wait_for(timeout=30_000)
    desk.shot("executed")
    assert desk.page.locator(".jp-Mlops [role=alert]").count() == 0


def test_a_push_without_a_remote_asks_for_one_and_goes_on(desk: Desk, tmp_path: Path) -> None:
    desk.section("data").get_by_role("button", name="Push").click()
    dialog = desk.page.locator(".jp-Dialog")
    dialog.get_by_text("This project has no remote yet.").wait_for(timeout=30_000)
    desk.shot("remote")
    assert desk.page.locator(".Toastify__toast").count() == 0
    fill(desk, Address=str(tmp_path / "store"))
    assert dialog.locator("code").inner_text() == f"%mlops init --remote {tmp_path / 'store'}"
    desk.accept("Set up")
    desk.toast(r"pushed to")
    assert any(path.is_file() for path in (tmp_path / "store").rglob("*"))


def test_the_oldest_run_cannot_be_compared_and_the_next_can(desk: Desk) -> None:
    oldest = desk.row("run:").last
    assert oldest.get_by_text("#1").count() == 1
    button = oldest.locator("button", has_text="Compare")
    assert button.get_attribute("aria-disabled") == "true"
    assert button.get_attribute("title") == "No run came before it, so there is nothing to compare with."
    choose(desk, "run:", "Compare with the run before")
    first, second = desk.row("run:").all()[1::-1]
    numbers = [row.locator(".jp-mod-whole").inner_text() for row in (first, second)]
    desk.page.locator(".lm-TabBar-tabLabel", has_text=f"Runs {numbers[0]} → {numbers[1]}").wait_for(timeout=30_000)
    desk.page.get_by_role("heading", name=f"Runs {numbers[0]} → {numbers[1]}").wait_for()
    table = desk.page.get_by_role("table", name="Differences")
    data = table.get_by_role("row", name="data/wages.csv")
    data.get_by_text("v2·").wait_for(timeout=30_000)
    assert data.get_by_text("v3·").count() == 1
    assert table.get_by_text(re.compile("[0-9a-f]{32}")).count() == 0
    assert re.search(r"[+\u2212]\d", table.get_by_role("row", name="r2").locator("td").last.inner_text())
    desk.shot("compare")


def test_a_filter_that_hits_nothing_says_so(desk: Desk) -> None:
    desk.page.get_by_role("searchbox", name="Filter").fill("zzz")
    for section in ("data", "pipelines"):
        desk.section(section).get_by_text("Nothing matches zzz.", exact=True).wait_for()
    desk.page.get_by_role("searchbox", name="Filter").fill("#1")
    desk.row("run:").first.wait_for()
    assert desk.section("pipelines").get_by_text("Nothing matches").count() == 0


def test_nothing_changed_is_no_question(desk: Desk) -> None:
    desk.section("data").get_by_role("button", name="Commit version…").click()
    desk.toast("Nothing changed since the last version.")
    assert desk.page.locator(".jp-Dialog").count() == 0


def test_a_checkout_loses_nothing_and_is_not_red(desk: Desk) -> None:
    desk.row("data:data/wages.csv").press("ArrowRight")
    choose(desk, "version:data/wages.csv@v1", "Check out…")
    dialog = desk.page.locator(".jp-Dialog")
    dialog.get_by_text("nothing is lost").wait_for(timeout=30_000)
    assert dialog.locator(".jp-mod-warn").count() == 0
    desk.shot("checkout")
    desk.accept("Cancel")


def test_a_table_is_no_model_and_runs_are_called_by_number(desk: Desk) -> None:
    desk.row("data:data/wages.csv").press("ArrowRight")
    desk.row("version:data/wages.csv@v1").click(button="right")
    desk.page.locator(".lm-Menu-item", has_text="Tag…").wait_for()
    assert desk.page.locator(".lm-Menu-item", has_text="Register as a model…").count() == 0
    desk.page.keyboard.press("Escape")
    desk.section("models").get_by_role("button", name="Register a model…").first.click()
    fill(desk, Model="wages")
    assert re.fullmatch(r"%mlops register '#\d' --name wages", line(desk))
    desk.accept("Cancel")


def test_the_button_of_a_notebook_names_what_it_does(desk: Desk) -> None:
    buttons = desk.page.get_by_role("group", name="Run as stage")
    desk.row("stage:train").press("Enter")
    buttons.get_by_text("Run stage train").wait_for(timeout=30_000)
    desk.row("run:").first.press("Enter")
    desk.page.locator(".lm-TabBar-tab.lm-mod-current", has_text="train.ipynb").nth(0).wait_for()
    desk.page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(2).wait_for(timeout=30_000)
    desk.page.wait_for_function(
        "[...document.querySelectorAll('.jp-NotebookPanel')].filter(one => one.checkVisibility())"
        ".every(one => !one.innerText.includes('Run stage') && !one.innerText.includes('Run as stage'))"
    )
    desk.shot("executed-notebook")


def test_a_living_deployment_is_green_in_the_graph_and_runs_keep_their_numbers(desk: Desk) -> None:
    root = desk.lab.project
    mlops("register", "wages.skops", "--name", "wages", cwd=root)
    mlops("deploy", "wages@v1", cwd=root)
    desk.row("model:wages@v1").click(timeout=60_000)
    number = desk.section("lineage").locator(".jp-mod-whole", has_text="#").first
    number.wait_for(timeout=30_000)
    assert number.evaluate("node => node.scrollWidth <= node.clientWidth + 1 && node.innerText.startsWith('#')")
    desk.section("lineage").get_by_role("button", name="Open the graph").click()
    node = desk.page.locator(".jp-Mlops-node[data-kind=deployment]")
    node.wait_for(timeout=30_000)
    assert node.get_attribute("data-tone") == "good"
    colours = "node => [getComputedStyle(node).borderLeftColor, getComputedStyle(document.body).getPropertyValue('--jp-error-color1')]"
    found, red = node.evaluate(colours)
    desk.page.evaluate("red => document.body.style.outlineColor = red", red)
    assert found != desk.page.evaluate("getComputedStyle(document.body).outlineColor")
    desk.shot("graph-light")
    wear(desk.page, "Dark")
    desk.shot("graph-dark")
    wear(desk.page, "Light")


def test_drift_is_said_alike_in_sidebar_and_tab(desk: Desk) -> None:
    desk.row("data:data/wages.csv").click()
    row = desk.section("drift").get_by_role("treeitem", name=re.compile("^age,"))
    row.wait_for(timeout=30_000)
    said = desk.section("drift").get_by_text("columns drifted").inner_text().rstrip(".")
    figures = row.get_attribute("aria-label").split(", ")
    assert figures[-1] == "p < 0.001"
    desk.section("drift").get_by_role("button", name="Open drift").click()
    desk.page.locator(".jp-Mlops-page").get_by_text(f"{said} from wages v").wait_for(timeout=30_000)
    cells = desk.page.get_by_role("table", name="Columns ranked by effect").get_by_role("row", name=re.compile("^age"))
    effect, _, measure, chance = cells.locator("td").all_inner_texts()[2:]
    assert f"{measure} {effect}" in figures
    assert chance == "< 0.001"
    desk.shot("drift-words")
