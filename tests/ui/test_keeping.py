"""Data proved, kept, let go and erased with the mouse and the keyboard."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from ui.people import WHO, cache, dialog, more, settings, sheet
from ui.real_lab import Desk, mlops

pytestmark = pytest.mark.browser


def test_data_is_verified_and_repaired(people: Desk, tmp_path: Path) -> None:
    root = people.lab.project
    config = root / ".dvc/config"
    before = config.read_text()
    config.write_text(f"{before}\n[core]\n    remote = here\n['remote \"here\"']\n    url = {tmp_path / 'remote'}\n")
    try:
        mlops("push", cwd=root)
        more(people, "Verify data")
        sheet(people).get_by_text("every byte is what was saved").wait_for(timeout=60_000)
        people.shot("verified")
        content = hashlib.md5((root / "data/people.csv").read_bytes()).hexdigest()
        damaged = cache(people) / content[:2] / content[2:]
        damaged.chmod(0o644)
        damaged.write_text("not what was saved")
        sheet(people).get_by_role("button", name="Verify data").click()
        sheet(people).get_by_text("1 damaged, 0 missing").wait_for(timeout=60_000)
        table = sheet(people).get_by_role("table", name="Damaged and missing")
        assert "data/people.csv" in table.inner_text()
        people.shot("damaged")
        people.section("todo").get_by_role("button", name="Repair").wait_for(timeout=30_000)
        sheet(people).get_by_role("button", name="Verify and repair").click()
        fetched = sheet(people).get_by_role("table", name="Fetched again")
        fetched.get_by_text(content).wait_for(timeout=60_000)
        assert hashlib.md5(damaged.read_bytes()).hexdigest() == content
    finally:
        config.write_text(before)


def test_verifying_shows_how_far_it_is_and_can_be_stopped(people: Desk) -> None:
    large = cache(people) / "ff" / ("f" * 30)
    large.parent.mkdir(exist_ok=True)
    with large.open("wb") as file:
        file.truncate(32 << 30)  # takes no room, and longer to read than the test lasts
    try:
        more(people, "Verify and repair")
        job = sheet(people).locator(".jp-Mlops-job")
        job.locator("progress").wait_for(timeout=30_000)
        expect(job).to_contain_text("/34 GB", timeout=30_000)
        expect(people.section("data").locator(".jp-Mlops-job progress")).to_be_visible()
        people.shot("verifying")
        job.get_by_role("button", name="Stop verify").click()
        sheet(people).get_by_text("It was stopped before the end.").wait_for(timeout=60_000)
    finally:
        large.unlink()


def test_the_cache_is_cleaned_up(people: Desk) -> None:
    digest = hashlib.md5(b"stray\n").hexdigest()
    stray = cache(people) / digest[:2] / digest[2:]
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"stray\n")
    more(people, "Clean up the cache…")
    dialog(people).get_by_text("1 object, 6 B, are removed").wait_for(timeout=30_000)
    assert dialog(people).locator("code").inner_text() == "%mlops gc"
    people.shot("gc")
    assert people.page.evaluate("document.activeElement.innerText") == "Cancel"
    people.accept("Clean up")
    people.toast("1 object removed, 6 B freed")
    assert not stray.exists()
    more(people, "Clean up the cache…")
    people.toast("Nothing to clean up")


def test_versions_whose_time_is_over_go(people: Desk) -> None:
    with settings(people, '[retention."data/people.csv"]\nkeep_last = 1'):
        more(people, "Retention…")
        expired = sheet(people).get_by_role("row").filter(has_text="expired")
        expired.first.wait_for(timeout=30_000)
        assert "not one of the last 1" in expired.first.inner_text()
        people.shot("retention")
        number = expired.count()
        sheet(people).get_by_role("button", name=re.compile(f"Let {number} versions? go…")).click()
        dialog(people).get_by_text("the history keeps its entries").wait_for()
        people.accept("Let them go")
        people.toast("freed")
        expect(expired).to_have_count(0, timeout=30_000)
        expect(sheet(people).get_by_role("row").filter(has_text="gone")).to_have_count(number)
        button = sheet(people).get_by_role("button", name="Let versions go…")
        assert (button.get_attribute("aria-disabled"), button.get_attribute("title")) == (
            "true",
            "No version has expired.",
        )
    people.row("data:data/people.csv").press("ArrowRight")
    row = people.row("version:data/people.csv@").nth(1)
    expect(row).to_contain_text("gone", timeout=30_000)
    assert re.search(r"let go on \d{4}-\d\d-\d\d", row.get_attribute("title"))
    people.shot("gone")


def test_a_person_is_erased_behind_a_tick(people: Desk) -> None:
    more(people, "Erase…")
    dialog(people).get_by_label("Which").fill(f"email={WHO}")
    dialog(people).get_by_label("Reason").fill("request 12")
    people.shot("erase-what")
    people.accept("Look what would go…")
    dialog(people).get_by_text("These versions are rewritten:").wait_for(timeout=60_000)
    assert "1 row in 1 file" in dialog(people).inner_text()
    button = dialog(people).get_by_role("button", name="Erase for good")
    assert "jp-mod-warn" in button.get_attribute("class")
    expect(button).to_be_disabled()
    tick = dialog(people).get_by_label("I know that there is no way back.")
    tick.check()
    expect(button).to_be_enabled()
    tick.uncheck()
    expect(button).to_be_disabled()
    tick.check()
    people.shot("erase-sure")
    button.click()
    people.toast("erased from the cache")
    assert WHO not in people.page.locator(".jp-Mlops").first.inner_text()
    people.row("data:data/people.csv").press("ArrowRight")
    erased = people.row("version:data/people.csv@").filter(has_text="erased")
    erased.first.wait_for(timeout=30_000)
    people.shot("erased")
    mlops("checkout", "data/people.csv@HEAD", cwd=people.lab.project)
    assert WHO not in (people.lab.project / "data/people.csv").read_text()


def test_what_no_version_holds_is_asked_again(people: Desk) -> None:
    more(people, "Erase…")
    dialog(people).get_by_label("Which").fill("email=nobody@example.org")
    dialog(people).get_by_label("Reason").fill("request 13")
    people.accept("Look what would go…")
    people.toast("No version holds it")
    expect(dialog(people).get_by_label("Which")).to_have_value("email=nobody@example.org")
    people.accept("Cancel")


def test_a_viewer_may_look_and_is_told_why_not_more(people: Desk) -> None:
    with settings(people, '[roles]\n"*" = "viewer"'):
        people.page.wait_for_function(
            "document.querySelector('[data-section=data] button[aria-label^=Commit]').ariaDisabled === 'true'",
            timeout=30_000,
        )
        people.section("data").get_by_role("button", name="More about data").click()
        menu = people.page.locator(".lm-Menu")
        for entry, role in (("Erase…", "admin"), ("Clean up the cache…", "data scientist")):
            item = menu.locator(".lm-Menu-item", has_text=entry)
            assert "lm-mod-disabled" in item.get_attribute("class")
            assert f"You are a viewer. `{'erase' if role == 'admin' else 'gc'}` needs {role}." in item.inner_text()
        people.shot("viewer-menu")
        menu.locator(".lm-Menu-item", has_text="Retention…").click()
        button = sheet(people).get_by_role("button", name="Let versions go…")
        expect(button).to_have_attribute("aria-disabled", "true", timeout=30_000)
        expect(button).to_have_attribute("title", "You are a viewer. `retain` needs admin.", timeout=30_000)
        sheet(people).get_by_role("alert").get_by_text("You are a viewer.").wait_for(timeout=30_000)
        people.shot("viewer-retention")


def test_data_is_fetched_beside_push_and_pull(people: Desk, tmp_path: Path) -> None:
    root = people.lab.project
    config = root / ".dvc/config"
    before = config.read_text()
    config.write_text(f"{before}\n[core]\n    remote = here\n['remote \"here\"']\n    url = {tmp_path / 'remote'}\n")
    try:
        mlops("push", cwd=root)
        content = hashlib.md5((root / "data/people.csv").read_bytes()).hexdigest()
        (cache(people) / content[:2] / content[2:]).unlink()
        people.row("data:data/people.csv").click(button="right")
        people.page.locator(".lm-Menu-item", has_text=re.compile("^Fetch")).click()
        people.toast("1 file .* fetched from here")
        assert (cache(people) / content[:2] / content[2:]).exists()
    finally:
        config.write_text(before)
