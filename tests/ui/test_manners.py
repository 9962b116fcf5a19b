"""How the sidebar behaves: quiet, reachable by keyboard, kind when there is nothing or something is wrong."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from ui.legible import faint, wear
from ui.real_lab import Desk, Lab, open_sidebar

pytestmark = pytest.mark.browser
QUIET_MS = 4_000
UNNAMED = """() => [...document.querySelectorAll('.jp-Mlops button, .jp-Mlops [role=treeitem], .jp-Mlops input')]
    .filter(one => !(one.ariaLabel || one.textContent.trim() || one.placeholder)).map(one => one.outerHTML)"""


def test_nothing_is_asked_while_idle_or_hidden(desk: Desk) -> None:
    desk.page.wait_for_timeout(2_000)
    desk.asked.clear()
    desk.page.wait_for_timeout(QUIET_MS)
    assert desk.asked == []
    desk.page.get_by_role("tab", name="File Browser").click()
    (desk.lab.project / "data/wages.csv").write_text("age,wage\n1,2\n")
    desk.page.wait_for_timeout(QUIET_MS)
    assert desk.asked == []


def test_one_request_a_section_when_it_opens(desk: Desk) -> None:
    desk.page.wait_for_timeout(1_000)
    asked = [url.split("/mlops/v1/")[1].split("&1")[0] for url in desk.asked]
    assert len(asked) == len(set(asked)), asked
    assert len(asked) <= 7


def test_the_keyboard_is_enough(desk: Desk) -> None:
    first = desk.row("data:").first
    first.focus()
    desk.page.keyboard.press("ArrowRight")
    desk.row("version:").first.wait_for()
    desk.page.keyboard.press("ArrowDown")
    assert desk.row("version:").first.evaluate("node => node === document.activeElement")
    assert desk.row("version:").first.get_attribute("aria-level") == "2"
    desk.page.keyboard.press("Shift+F10")
    desk.page.locator(".lm-Menu").get_by_text("Check out…").wait_for()
    desk.page.keyboard.press("Escape")
    desk.row("version:").first.focus()
    desk.page.keyboard.press("ArrowLeft")
    assert first.evaluate("node => node === document.activeElement")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_every_word_can_be_read_in_both_themes(desk: Desk, theme: str) -> None:
    wear(desk.page, theme)
    desk.row("data:").first.locator(".jp-Mlops-twist").click()
    desk.row("version:").first.click()
    desk.page.wait_for_timeout(1_500)
    desk.shot(f"panel-{theme.lower()}")
    assert faint(desk.page.locator(".jp-Mlops")) == []
    assert desk.page.evaluate(UNNAMED) == []


def test_a_folder_without_a_project_says_how_to_get_one(lab: Lab, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(lab.page("empty") + "&reset")
    open_sidebar(page)
    page.get_by_text("This folder is not in a git repository.").wait_for(timeout=30_000)
    page.get_by_role("button", name="Create project…").click()
    assert page.locator(".jp-Dialog code").inner_text() == "%mlops init --yes"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Open the demo").wait_for()
    page.close()


def test_a_push_without_a_remote_asks_for_one(desk: Desk) -> None:
    desk.section("data").get_by_role("button", name="Push").click()
    dialog = desk.page.locator(".jp-Dialog")
    dialog.wait_for(timeout=30_000)
    assert "remote" in dialog.inner_text()
    dialog.get_by_role("button", name="Cancel").click()


def test_tabs_come_back_after_a_reload(desk: Desk) -> None:
    desk.row("data:").first.click()
    desk.section("lineage").get_by_role("button", name="Open the graph").click()
    desk.page.locator(".jp-Mlops-sheet").wait_for()
    desk.page.wait_for_timeout(3_000)
    desk.page.goto(desk.lab.page())
    desk.page.get_by_role("tab", name="Lineage: wages").first.wait_for(timeout=60_000)
    desk.page.locator(".jp-Mlops-sheet").wait_for()
