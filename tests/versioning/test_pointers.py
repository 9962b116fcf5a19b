"""A plain pointer is written without YAML, and no differently."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.versioning import pointers
from jupyter_mlops.versioning.content import Content, Entry, Summary

MD5S = st.one_of(
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.sampled_from(
        ("1" * 32, "12e4" * 8, "1e" + "5" * 30, "0b" + "01" * 15, "0" * 31 + "e", "e" * 32, "d" + "0" * 31)
    ),
)
NAMES = st.one_of(
    st.text("abyNo_.-1é #:", min_size=1, max_size=6),
    st.sampled_from(("data", "yes", "Null", "a.csv", "_x", "n", "2026-05-01", "a" * 90, "- a", "true")),
)
OLD = st.sampled_from(
    (
        "",
        "outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  size: 1\n  hash: md5\n  path: {name}\n",
        "outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  size: 1\n  hash: md5\n  path: other\n",
        "outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  size: 1\n  hash: md5\n  path: {name}\n  desc: mine # so\n",
        "outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  size: 1\n  hash: md5\n  path: {name}\nmeta:\n  owner: me\n",
        "# a remark\nouts:\n- md5: 0cc175b9c0f1b6a831c399e269772661\n  size: 1\n  hash: md5\n  path: {name}\n",
    )
)
META = st.sampled_from(({}, {"rows": None, "columns": None}, {"owner": "sara"}))


def content(md5: str, nfiles: int | None, *, is_executable: bool) -> Content:
    digest = md5 if nfiles is None else f"{md5}.dir"
    known = Summary(digest, 7, nfiles)
    return Content(lambda: (Entry("", md5, 7),), nfiles is not None, is_executable, known)


@settings(max_examples=400, deadline=None)
@given(md5=MD5S, name=NAMES, old=OLD, meta=META, nfiles=st.sampled_from((None, 0, 12)), is_executable=st.booleans())
def test_what_is_written_plainly_is_what_yaml_writes(md5, name, old, meta, nfiles, is_executable):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.dvc"
        if old and "{name}" in old and name in ("data", "a.csv", "_x"):
            path.write_text(old.format(name=name))
        made = content(md5, nfiles, is_executable=is_executable and nfiles is None)
        ours = pointers.render(path, name, made, meta)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pointers, "_rendered_plainly", lambda *_: b"")
            assert ours == pointers.render(path, name, made, meta)
    (out,) = pointers.outs(ours, "x.dvc")
    assert (out.digest, out.path, out.size, out.nfiles) == (made.digest, name, 7, nfiles)


def test_to_write_a_plain_pointer_loads_no_yaml():
    script = """import sys
from pathlib import Path
from jupyter_mlops.versioning import pointers
from jupyter_mlops.versioning.content import Content, Summary
pointers.render(Path("none.dvc"), "data", Content(tuple, True, False, Summary("ab" * 16 + ".dir", 1, 1)), {"rows": None})
print(*sys.modules)"""
    assert "ruamel.yaml" not in subprocess.check_output([sys.executable, "-c", script], text=True).split()
