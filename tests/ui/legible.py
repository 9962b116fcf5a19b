"""Whether words can be read and the focus be seen, asked of the page itself."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page

# WCAG 2.2, 1.4.3 (text 4.5:1) and 1.4.11 (marks 3:1). Translucent grounds and opacity are mixed as the screen mixes them.
FAINT = """root => {
  const rgba = text => { const [r, g, b, a = 1] = (text.match(/[\\d.]+/g) || []).map(Number);
    const scale = text.startsWith('color(') ? 255 : 1; return [r * scale, g * scale, b * scale, a]; };
  const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const line = node => { const found = []; for (; node; node = node.parentElement) found.unshift(node); return found; };
  const ground = node => line(node).reduce((below, one) => over(rgba(getComputedStyle(one).backgroundColor), below), [255, 255, 255]);
  const faded = node => line(node).reduce((share, one) => share * Number(getComputedStyle(one).opacity), 1);
  const light = colour => colour.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ratio = (node, colour) => { const below = ground(node), [r, g, b, a] = rgba(colour);
    const [x, y] = [light(over([r, g, b, a * faded(node)], below)), light(below)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05); };
  const seen = node => node.checkVisibility({ visibilityProperty: true }) && node.getBoundingClientRect().width > 1;
  const says = node => [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
  const words = [...root.querySelectorAll('*')].filter(one => says(one) && seen(one) && !one.closest('[aria-disabled=true]'))
    .map(one => [ratio(one, getComputedStyle(one).color), one.closest('[aria-hidden=true]') ? 3 : 4.5, one.className, one.textContent]);
  const hints = [...root.querySelectorAll('input')].filter(one => seen(one) && one.placeholder && !one.value)
    .map(one => [ratio(one, getComputedStyle(one, '::placeholder').color), 4.5, 'placeholder', one.placeholder]);
  const all = [...words, ...hints];
  return { words: all.length, faint: all.filter(([found, least]) => found < least) };
}"""
RINGED = """() => {
  const style = getComputedStyle(document.activeElement);
  return document.activeElement.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
}"""


def faint(part: Locator) -> list[list[object]]:
    """The words below `part` that have too little contrast; there must be words at all."""
    found = part.evaluate(FAINT)
    assert found["words"] > 0
    return found["faint"]


def ringed(page: Page) -> bool:
    """Whether the element with the focus shows it."""
    return bool(page.evaluate(RINGED))


def wear(page: Page, name: str) -> None:
    """Change Lab's theme, Light or Dark, by its menu."""
    page.get_by_role("menuitem", name="Settings").click()
    page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^JupyterLab {name}$")).click()
    page.locator(".lm-Menu").first.wait_for(state="detached")
    page.wait_for_function("name => document.body.dataset.jpThemeName.endsWith(name)", arg=name)
