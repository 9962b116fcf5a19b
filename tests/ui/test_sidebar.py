"""The main job with the mouse: data, run, model, deployment, drift, lineage."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Locator
from ui.real_lab import Desk, Lab, mlops, write_table

pytestmark = pytest.mark.browser


def press(row: Locator, name: str) -> None:
    """Press a button that shows under the mouse; while the panel fills, rows move away from it."""
    for _ in range(30):
        row.hover()
        with suppress(Error):
            return row.get_by_role("button", name=name).click(timeout=1000)
    raise AssertionError(f"{name} could not be pressed.")


def test_versions_differ_and_come_back(desk: Desk) -> None:
    desk.row("data:").first.press("ArrowRight")
    desk.row("version:").nth(1).wait_for()
    desk.row("version:").first.press("Enter")
    desk.page.get_by_role("tab", name="Rows").wait_for()
    press(desk.row("version:").nth(1), "Check out…")
    dialog = desk.page.locator(".jp-Dialog")
    dialog.get_by_text("1 file written").wait_for()
    assert dialog.locator("code").inner_text() == "%mlops checkout data/wages.csv@v1"
    assert desk.page.evaluate("document.activeElement.innerText") == "Cancel"
    desk.accept("Check out")
    desk.toast("is at v1")
    assert len((desk.lab.project / "data/wages.csv").read_text().splitlines()) == 201
    desk.page.get_by_role("button", name="Undo").click()
    desk.toast("is at v2")


def test_a_commit_in_a_cell_shows_without_reload(desk: Desk) -> None:
    desk.row("data:").first.press("ArrowRight")
    desk.row("version:").first.wait_for()
    before = desk.row("version:").count()
    write_table(desk.lab.project, 300)
    desk.section("todo").get_by_text("wages").first.wait_for()
    desk.page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    new_cell(desk)
    desk.page.keyboard.type("%load_ext jupyter_mlops\n%mlops commit data/wages.csv -m 'from a cell'")
    desk.page.keyboard.press("Control+Enter")
    desk.row("version:").filter(has_text="from a cell").wait_for(timeout=60_000)
    assert desk.row("version:").count() == before + 1
    desk.section("todo").get_by_text("wages").first.wait_for(state="detached")


def test_a_run_shows_its_progress_and_its_result(desk: Desk) -> None:
    stage = desk.row("stage:train")
    stage.get_by_role("button", name="Run").click()
    desk.section("pipelines").locator("progress").first.wait_for(timeout=30_000)
    desk.toast("train ran")
    desk.row("run:").first.wait_for()
    stage.filter(has_text="up to date").wait_for(timeout=30_000)
    desk.shot("run")


def test_register_deploy_and_roll_back(desk: Desk) -> None:
    two_models(desk.lab)
    for version in ("v1", "v2"):
        press(desk.row(f"model:wages@{version}"), "Deploy…")
        desk.accept("Deploy")
        desk.section("deployments").get_by_text(version, exact=True).wait_for(timeout=60_000)
        back = desk.row("deployment:wages").locator("button", has_text="Roll back…")
        stuck = "true" if version == "v1" else None
        assert back.get_attribute("aria-disabled") == stuck
        assert (back.get_attribute("title") == "wages has served nothing but v1.") is bool(stuck)
    press(desk.row("deployment:wages"), "Roll back…")
    desk.page.locator(".jp-Dialog").get_by_text("from v2 to v1").wait_for(timeout=30_000)
    desk.accept("Roll back")
    desk.section("deployments").get_by_text("v1", exact=True).wait_for(timeout=60_000)


def test_after_a_rollback_the_versions_served_before_can_be_chosen(desk: Desk) -> None:
    next_model(desk.lab, 350)
    mlops("deploy", "wages@v3", cwd=desk.lab.project)
    mlops("rollback", "wages", "--to", "v1", cwd=desk.lab.project)
    desk.section("deployments").get_by_text("v1", exact=True).wait_for(timeout=60_000)
    press(desk.row("deployment:wages"), "Roll back…")
    dialog = desk.page.locator(".jp-Dialog")
    dialog.get_by_text("from v1 to v3").wait_for(timeout=30_000)
    dialog.get_by_label("Back to").select_option("v2")
    dialog.get_by_text("from v1 to v2").wait_for()
    assert dialog.locator("code").inner_text() == "%mlops rollback wages --to v2"
    desk.shot("rollback")
    desk.accept("Roll back")
    desk.section("deployments").get_by_text("v2", exact=True).wait_for(timeout=60_000)


def test_a_deployment_answers_in_its_monitor(desk: Desk) -> None:
    desk.row("deployment:wages").press("Enter")
    desk.page.get_by_role("button", name="Predict").click()
    desk.page.get_by_role("table", name="Predictions").wait_for(timeout=30_000)
    desk.shot("monitor")


def test_drift_of_a_column_is_drawn(desk: Desk) -> None:
    write_table(desk.lab.project, 300, shift=25)
    said = mlops("commit", "data/wages.csv", "-m", "older people", cwd=desk.lab.project)
    desk.section("data").get_by_text(re.search(r"v\d+·\w+", said)[0]).wait_for()
    desk.row("data:data/wages.csv").click()
    desk.section("drift").get_by_text("drifted.").wait_for(timeout=30_000)
    desk.section("drift").get_by_role("button", name="Open drift").click()
    bars = desk.page.locator(".jp-Mlops-plot .js-plotly-plot").first
    bars.wait_for(timeout=30_000)
    desk.page.get_by_role("heading", name="age", exact=True).wait_for()
    bar = bars.locator(".trace.bars .point path").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    desk.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    desk.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    desk.page.get_by_role("heading", name="wage", exact=True).wait_for()
    desk.shot("drift")


def test_the_lineage_graph_leads_to_things(desk: Desk) -> None:
    desk.row("model:wages@v1").click()
    desk.section("lineage").get_by_role("treeitem").first.wait_for()
    desk.section("lineage").get_by_role("button", name="Open the graph").click()
    desk.page.locator(".jp-Mlops-node[data-kind=data]").first.wait_for(timeout=30_000)
    desk.shot("graph")
    desk.page.locator(".jp-Mlops-node[data-kind=data]").first.click()
    desk.page.get_by_text("Git commit").wait_for()


def two_models(lab: Lab) -> None:
    """Two registered versions of the model that the stage writes."""
    mlops("run", cwd=lab.project)
    mlops("register", "wages.skops", "--name", "wages", cwd=lab.project)
    next_model(lab, 340)


def next_model(lab: Lab, count: int) -> None:
    """The version of the model that learned from `count` people."""
    write_table(lab.project, count)
    mlops("commit", "data/wages.csv", cwd=lab.project)
    mlops("run", cwd=lab.project)
    mlops("register", "wages.skops", "--name", "wages", cwd=lab.project)


def new_cell(desk: Desk) -> None:
    """Stand in the first cell of the notebook in front, its kernel ready."""
    desk.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    desk.page.locator(".jp-Notebook .cm-content").first.click()


def test_a_kernel_that_has_not_loaded_the_magic_is_offered_to(desk: Desk) -> None:
    desk.page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    new_cell(desk)
    desk.page.keyboard.type("%mlops status")
    desk.page.keyboard.press("Control+Enter")
    card = desk.page.locator(".jp-Mlops-card")
    card.get_by_text("%mlops is installed in kernel").wait_for(timeout=30_000)
    assert card.get_by_role("button", name="Install…").count() == 0
    desk.shot("kernel-card-unloaded")
    card.get_by_role("button", name="Load it").click()
    card.get_by_text("%mlops is ready").wait_for(timeout=30_000)
    cells = desk.page.locator(".jp-Notebook .jp-CodeCell .cm-content")
    assert cells.all_inner_texts() == ["%load_ext jupyter_mlops", "%mlops status"]
    cells.last.click()
    desk.page.keyboard.press("Control+Enter")
    card.wait_for(state="detached", timeout=30_000)


def test_an_open_notebook_runs_as_the_stage_it_is(desk: Desk) -> None:
    desk.row("stage:train").press("Enter")
    button = desk.page.get_by_role("group", name="Run as stage").get_by_role("button").first
    button.click()
    desk.toast("train ran|All up to date")
