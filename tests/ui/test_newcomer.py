"""Where a newcomer ended in a dead end: each of these now says what is so, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ui.real_lab import Desk, mlops, write_table
from ui.test_dialogs import choose, fill

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
