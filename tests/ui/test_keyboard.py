"""Every section by keyboard alone: Tab, arrows, Enter, the Menu key, Escape; the focus always shows."""

from __future__ import annotations

import pytest
from ui.legible import ringed
from ui.real_lab import Desk, mlops

pytestmark = pytest.mark.browser
SECTIONS = ("todo", "data", "pipelines", "models", "deployments", "lineage", "drift")
WHERE = """() => {
  const now = document.activeElement;
  return [now.closest('[data-section]')?.dataset.section || '', now.dataset.row || now.ariaLabel || now.innerText, now.tagName];
}"""
MOST_TABS = 80


def here(desk: Desk) -> tuple[str, str, str]:
    """The section that has the focus, the name of what has it, and its tag."""
    section, name, tag = desk.page.evaluate(WHERE)
    return section, name.strip(), tag


def press(desk: Desk, *keys: str) -> None:
    for key in keys:
        desk.page.keyboard.press(key)


def tab_to(desk: Desk, section: str, name: str) -> None:
    """Press Tab until something of the section has the focus; each stop shows that it has it."""
    for _ in range(MOST_TABS):
        press(desk, "Tab")
        now = here(desk)
        assert ringed(desk.page), now
        if now[0] == section and now[1].startswith(name):
            return
    raise AssertionError(f"Tab does not reach {name} of {section}.")


@pytest.fixture
def keys(desk: Desk) -> Desk:
    """The filter has the focus; no mouse from here on."""
    root = desk.lab.project
    if '"typed"' not in mlops("models", "--json", cwd=root):
        mlops("run", cwd=root)
        mlops("register", "wages.skops", "--name", "typed", cwd=root)
    desk.row("model:typed@v1").wait_for(timeout=30_000)
    desk.row("run:").first.wait_for(timeout=30_000)
    press(desk, "Control+Shift+M")
    desk.page.get_by_role("searchbox", name="Filter datasets, runs, models").focus()
    return desk


def test_tab_reaches_every_section_and_enter_folds_it(keys: Desk) -> None:
    for section in SECTIONS:
        tab_to(keys, section, "")
        heading = keys.section(section).get_by_role("button").first
        assert heading.evaluate("node => node === document.activeElement")
        press(keys, "Enter")
        assert heading.get_attribute("aria-expanded") == "false"
        press(keys, "Space")
        assert heading.get_attribute("aria-expanded") == "true"


def test_the_arrows_walk_through_all_rows_and_in_and_out_of_them(keys: Desk) -> None:
    tab_to(keys, "todo", "todo:") if keys.row("todo:").count() else tab_to(keys, "data", "data:")
    press(keys, "Home")
    seen = [here(keys)[1]]
    for _ in range(keys.page.locator(".jp-Mlops [role=treeitem]").count() - 1):
        press(keys, "ArrowDown")
        assert ringed(keys.page), here(keys)
        seen.append(here(keys)[1])
    assert len(set(seen)) == len(seen)
    assert {name.split(":")[0] for name in seen} >= {"data", "stage", "run", "model"}
    press(keys, "Home")
    while not here(keys)[1].startswith("data:data/wages.csv"):
        press(keys, "ArrowDown")
    press(keys, "ArrowRight")
    keys.row("version:").first.wait_for()
    press(keys, "ArrowRight")
    assert here(keys)[1].startswith("version:")
    press(keys, "ArrowLeft")
    assert here(keys)[1] == "data:data/wages.csv"
    press(keys, "ArrowLeft")
    keys.row("version:").first.wait_for(state="detached")


def test_a_row_is_chosen_opened_and_its_menu_left_by_keys(keys: Desk) -> None:
    tab_to(keys, "data", "data:data/wages.csv")
    press(keys, "Space")
    keys.row("drift:").first.wait_for(timeout=30_000)
    press(keys, "ArrowRight")
    keys.row("version:").first.wait_for()
    press(keys, "ArrowDown", "Shift+F10")
    keys.page.locator(".lm-Menu").get_by_text("Check out…").wait_for()
    press(keys, "Escape")
    keys.page.locator(".lm-Menu").wait_for(state="detached")
    assert here(keys)[1].startswith("version:"), "the focus comes back to the row"
    press(keys, "Tab")
    assert here(keys)[1:] == ("Diff", "BUTTON")
    assert ringed(keys.page)
    press(keys, "Enter")
    keys.page.get_by_role("tab", name="Rows").wait_for(timeout=30_000)


def test_drift_and_lineage_open_by_keys(keys: Desk) -> None:
    tab_to(keys, "data", "data:data/wages.csv")
    press(keys, "Space")
    keys.row("drift:").first.wait_for(timeout=30_000)
    keys.row("twig:").first.wait_for(timeout=30_000)
    tab_to(keys, "lineage", "Open the graph")
    tab_to(keys, "lineage", "twig:")
    tab_to(keys, "drift", "the version before")
    tab_to(keys, "drift", "drift:")
    press(keys, "Enter")
    keys.page.get_by_role("table", name="Columns ranked by effect").wait_for(timeout=30_000)


@pytest.mark.parametrize(
    ("section", "button"),
    [
        ("pipelines", "Add a stage…"),
        ("models", "Register a model…"),
        ("deployments", "Deploy"),
    ],
)
def test_a_dialog_opens_by_enter_and_gives_the_focus_back_by_escape(keys: Desk, section: str, button: str) -> None:
    tab_to(keys, section, button)
    press(keys, "Enter")
    dialog = keys.page.locator(".jp-Dialog")
    dialog.wait_for(timeout=30_000)
    inside = "document.querySelector('.jp-Dialog').contains(document.activeElement)"
    keys.page.wait_for_function(inside)
    for _ in range(12):
        press(keys, "Tab")
        # At the end of the page the browser itself has the focus for one Tab.
        assert keys.page.evaluate(f"{inside} || document.activeElement === document.body")
    keys.page.locator(".jp-Dialog").get_by_role("button", name="Cancel").focus()
    press(keys, "Escape")
    dialog.wait_for(state="detached")
    assert here(keys)[0] == section


def test_menus_of_the_header_open_by_enter(keys: Desk) -> None:
    press(keys, "Shift+Tab")
    more = here(keys)
    assert more[1] == "More actions"
    press(keys, "Enter")
    keys.page.locator(".lm-Menu").get_by_text("Register a model…").wait_for()
    press(keys, "Escape")
    keys.page.locator(".lm-Menu").wait_for(state="detached")
    assert here(keys) == more
