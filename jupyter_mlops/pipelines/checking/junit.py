"""The findings of a check as JUnit XML, which every CI shows beside its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from jupyter_mlops.pipelines.running.under_way import in_words
from jupyter_mlops.records import StageRecord

FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535, *range(55296, 57344)))
"""Characters that XML cannot hold."""


def junit(stages: Sequence[StageRecord], checks: Mapping[str, Sequence[str]]) -> bytes:
    """The report: a case a stage, and a case a check, failed with each of its findings.

    Parameters
    ----------
    checks
        Check to its findings, those that made the run red and those that did not; none means passed.
    """
    root = Element("testsuites")
    suite = _suite(root, "stages", [("failed" if one.state == "failed" else one.state) for one in stages])
    for one in stages:
        case = SubElement(suite, "testcase", name=_text(one.name), classname="stages", time=f"{one.seconds:.3f}")
        if one.state == "failed":
            failure = SubElement(case, "failure", message=_text(in_words(one)))
            failure.text = _text(f"{one.notebook or ''}\n{one.reason}".strip())
        elif one.state == "skipped":
            SubElement(case, "skipped", message=_text(one.reason))
    suite = _suite(root, "checks", ["failed" if found else "passed" for found in checks.values()])
    for name, found in checks.items():
        case = SubElement(suite, "testcase", name=_text(name), classname="checks", time="0")
        for line in found:
            SubElement(case, "failure", message=_text(line))
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _suite(root: Element, name: str, states: Sequence[str]) -> Element:
    counted = {"tests": len(states), "failures": states.count("failed"), "skipped": states.count("skipped")}
    return SubElement(root, "testsuite", {"name": name, **{key: str(value) for key, value in counted.items()}})


def _text(text: str) -> str:
    return text.translate(FORBIDDEN)
