"""Data found by what is known of it: the search, the way to a version, its details."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect
from ui.people import more, sheet
from ui.real_lab import Desk, mlops
from ui.test_dialogs import many_versions

pytestmark = pytest.mark.browser


def test_search_leads_to_the_version(people: Desk) -> None:
    more(people, "Search data…")
    field = sheet(people).get_by_role("searchbox", name="Search data")
    assert field.get_attribute("placeholder") == "words, or column: owner: tag: purpose: pii:"
    field.fill("column:email owner:sara")
    field.press("Enter")
    hit = people.row("hit:data/people.csv")
    expect(hit).to_have_count(1, timeout=30_000)
    assert "column: email" in hit.inner_text()
    expect(sheet(people).get_by_role("heading", name="data/people.csv")).to_be_visible()
    sheet(people).get_by_label("every version, not only the newest").check()
    expect(hit.nth(1)).to_be_visible(timeout=30_000)
    people.shot("search")
    last = hit.last.get_attribute("data-row").removeprefix("hit:")
    hit.last.press("Enter")
    row = people.row(f"version:{last}")
    expect(row).to_have_attribute("aria-selected", "true", timeout=30_000)
    expect(row).to_be_focused()


def test_search_says_when_nothing_fits_and_when_a_field_is_unknown(people: Desk) -> None:
    people.page.keyboard.press("Control+Shift+C")
    people.page.keyboard.type("Search data")
    people.page.locator(".lm-CommandPalette-item", has_text="Search data…").first.click()
    field = sheet(people).get_by_role("searchbox", name="Search data")
    field.fill("owner:nobody")
    field.press("Enter")
    sheet(people).get_by_text("Nothing fits owner:nobody.").wait_for(timeout=30_000)
    field.fill("ownr:sara")
    field.press("Enter")
    failure = sheet(people).get_by_role("alert")
    failure.get_by_text("Nothing can be searched by ownr.").wait_for(timeout=30_000)
    assert "owner" in failure.inner_text()


def test_what_was_found_is_paged(people: Desk) -> None:
    root = people.lab.project
    (root / "many").mkdir(exist_ok=True)
    for number in range(23):
        (root / f"many/{number}.csv").write_text(f"zebra\n{number}\n")
    mlops("commit", *(f"many/{number}.csv" for number in range(23)), "-m", "many", cwd=root)
    more(people, "Search data…")
    field = sheet(people).get_by_role("searchbox", name="Search data")
    field.fill("column:zebra")
    field.press("Enter")
    expect(people.row("hit:")).to_have_count(20, timeout=30_000)
    sheet(people).get_by_role("button", name="Show more").click()
    expect(people.row("hit:")).to_have_count(23, timeout=30_000)
    expect(sheet(people).get_by_role("button", name="Show more")).to_have_count(0)


def test_search_leads_deep_into_a_long_history(desk: Desk) -> None:
    many_versions(desk, 300)
    desk.row("data:many.csv").wait_for(timeout=30_000)
    more(desk, "Search data…")
    sheet(desk).get_by_label("every version, not only the newest").check()
    field = sheet(desk).get_by_role("searchbox", name="Search data")
    field.fill(f"digest:{29:032x}")
    field.press("Enter")
    desk.row("hit:many.csv@v30").click(timeout=30_000)
    expect(desk.row("version:many.csv@v30")).to_be_focused(timeout=30_000)
    expect(desk.row("version:many.csv@v30")).to_be_in_viewport()
    desk.shot("deep")


def test_provenance_and_columns_are_among_the_details(people: Desk) -> None:
    people.row("data:data/people.csv").click(button="right")
    people.page.locator(".lm-Menu-item", has_text="Show details").click()
    details = sheet(people)
    details.get_by_role("heading", name="Provenance").wait_for(timeout=30_000)
    told = dict(zip(details.locator("dt").all_inner_texts(), details.locator("dd").all_inner_texts(), strict=True))
    assert (told["Owner"], told["Purpose"], told["Licence"]) == ("sara", "billing", "CC0")
    assert told["Personal data in"] == "email"
    row = details.get_by_role("table", name="Schema").get_by_role("row").filter(has_text="email")
    assert "personal data" in row.inner_text()
    people.shot("details")


def test_a_dark_theme_stays_readable(people: Desk) -> None:
    try:
        use_theme(people, "JupyterLab Dark")
        more(people, "Search data…")
        field = sheet(people).get_by_role("searchbox", name="Search data")
        field.fill("pii:email")
        field.press("Enter")
        hit = people.row("hit:").first
        hit.wait_for(timeout=30_000)
        people.shot("dark-search")
        for part in (field, hit.locator(".jp-Mlops-tag").first, sheet(people).get_by_role("heading").first):
            assert brightness(part, "color") > brightness(sheet(people), "background-color") + 80
        assert brightness(field, "background-color") < 80
        more(people, "Retention…")
        sheet(people).get_by_role("table").wait_for(timeout=30_000)
        people.shot("dark-retention")
    finally:
        use_theme(people, "JupyterLab Light")


def use_theme(desk: Desk, name: str) -> None:
    desk.page.keyboard.press("Control+Shift+C")
    desk.page.keyboard.type(f"Use Theme: {name}")
    desk.page.locator(".lm-CommandPalette-item", has_text=name).first.click()
    desk.page.locator(f'body[data-jp-theme-name="{name}"]').wait_for(state="attached")
    open_sidebar_again(desk)


def open_sidebar_again(desk: Desk) -> None:
    if not desk.section("data").is_visible():
        desk.page.locator('.jp-SideBar [data-id="jupyter-mlops"]').click()


def brightness(part: Locator, name: str) -> float:
    """Of the colour that is drawn, from 0 to 255."""
    found = part.evaluate("(node, name) => getComputedStyle(node).getPropertyValue(name)", name)
    red, green, blue = (float(each) for each in re.findall(r"[\d.]+", found)[:3])
    return 0.3 * red + 0.6 * green + 0.1 * blue
