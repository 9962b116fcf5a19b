"""Disks that are full at any moment, or nearly: no success without a whole version, and the next call goes on."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from survivors import disk, filled, history, leftovers, require_sound, run
from works import WORKS, fill, require_same_or_more

import jupyter_mlops as mlops
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.project import Project

__all__ = ["fill"]  # the first version is written by it
FULL = {"disk-full", "remote-failed", "git-failed", "audit-failed"}


def stands(root: Path) -> bool:
    """Whether what the pointer names is all there."""
    datasets = Project(root).datasets
    return datasets.is_stored(datasets.pointer("data")[1].digest)


PARTS = [pytest.param(slice(n, None, 4), marks=pytest.mark.slow, id=f"every-fourth-{n}") for n in range(4)]
"""Together every moment at which the verb writes something: about 650 of the six verbs."""


@pytest.mark.parametrize("part", [pytest.param(None, id="2"), *PARTS])
@pytest.mark.parametrize("verb", ["commit", "checkout", "pull", "gc", "retain", "erase"])
def test_a_disk_that_is_full_at_any_moment_is_no_success(root, damaged, verb, part):
    """By turns for that moment only, so that whatever is tried again or named later works, and from then on."""
    work = WORKS[verb]
    whole = run(root, verb, work.prepare(root, "count"), 10**9, "full")
    assert (whole.code, whole.error) == (0, "")
    moments = range(1, whole.count + 1)
    for number, moment in enumerate(moments[part] if part else random.Random(f"full {verb}").sample(moments, 2)):
        arguments = work.prepare(root, f"round {number}")
        pointer, before = (root / "data.dvc").read_bytes(), history(root, "data")["data"]
        fate = run(root, verb, arguments, moment, "full" if number % 2 else "once")
        if fate.code:
            assert fate.error in FULL, fate
            assert (root / "data.dvc").read_bytes() == pointer or stands(root)
        else:
            assert work.done(root, arguments), moment
        assert damaged() == []
        if verb != "pull":
            require_same_or_more(root, before)
        work.finish(root, arguments)
        assert work.done(root, arguments)
        assert leftovers(root) == []
        require_sound(root)


@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("verb", ["commit", "checkout", "retain", "erase"])
def test_a_disk_with_a_few_blocks_left_is_no_success(root, damaged, tmp_path, verb, rounds):
    """The whole project lies on it, with git's own files and our indexes."""
    work, chance = WORKS[verb], random.Random(f"blocks {verb} {rounds}")
    with disk(tmp_path / "disk", "size=64m"):
        there = tmp_path / "disk" / "project"
        shutil.copytree(root, there, symlinks=True)
        for number, blocks in enumerate(chance.sample(range(60), rounds)):
            arguments = work.prepare(there, f"round {number}")
            pointer, before = (there / "data.dvc").read_bytes(), history(there, "data")["data"]
            with filled(tmp_path / "disk", blocks):
                try:
                    getattr(mlops, verb)(**arguments, project=there)
                except MlopsError as error:
                    reference = error.reference
                else:
                    reference = ""
            assert damaged(there / ".dvc" / "cache") == []
            assert reference in FULL if reference else work.done(there, arguments), (blocks, reference)
            assert (there / "data.dvc").read_bytes() == pointer or stands(there)
            require_same_or_more(there, before)
            work.finish(there, arguments)
            assert work.done(there, arguments)
            assert leftovers(there) == []
            require_sound(there)
