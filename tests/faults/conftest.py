"""A project with one version of ``data``, and a look at what its cache holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

import jupyter_mlops as mlops


@pytest.fixture
def root(project, once, request) -> Path:
    """Version v1 of ``data``, its files as the module fills them."""

    def build(root: Path) -> None:
        mlops.init(project=root)
        request.module.fill(root, "first")
        mlops.commit("data", project=root)

    return once(project.root, build, request.module.__name__)


@pytest.fixture
def damaged(root) -> Callable[..., list[Path]]:
    """Give the objects of a cache that are not what their names say."""

    def find(cache: Path = root / ".dvc" / "cache") -> list[Path]:
        objects = (path for path in (cache / "files").rglob("*") if path.is_file())
        named = ((path, (path.parent.name + path.name).removesuffix(".dir")) for path in objects)
        return [path for path, md5 in named if hashlib.md5(path.read_bytes()).hexdigest() != md5]

    return find
