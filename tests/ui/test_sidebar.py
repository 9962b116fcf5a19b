"""The main job with the mouse: data, run, model, deployment, drift, lineage."""

from __future__ import annotations

import pytest

from .conftest import Desk, mlops, write_table

pytestmark = pytest.mark.browser


def test_versions_differ_and_come_back(desk: Desk) -> None:
    desk.row("data:").first.press("ArrowRight")
    desk.row("version:").nth(1).wait_for()
    desk.row("version:").first.press("Enter")
    desk.page.get_by_role("tab", name="Rows").wait_for()
    desk.row("version:").nth(1).hover()
    desk.row("version:").nth(1).get_by_role("button", name="Check out…").click()
    dialog = desk.page.locator(".jp-Dialog")
    dialog.get_by_text("1 file written").wait_for()
    assert dialog.locator("code").inner_text() == "%mlops checkout data/wages.csv@v1"
    assert desk.page.evaluate("document.activeElement.innerText") == "Cancel"
    desk.accept("Check out")
    desk.toast("is at v1")
    assert len((desk.lab.project / "data/wages.csv").read_text().splitlines()) == 201
    desk.page.get_by_role("button", name="Undo").click()
    desk.toast("is at v2")
