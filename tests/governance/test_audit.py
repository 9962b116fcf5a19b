"""The audit log finds every change, survives a torn line and takes many writers."""

from __future__ import annotations

import multiprocessing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writers import fill

import jupyter_mlops as mlops
from jupyter_mlops.governance.audit import AuditLog


def test_a_fresh_log_holds(tmp_path):
    fill(tmp_path, 3)
    assert AuditLog(tmp_path).first_broken() is None
    assert [entry.details["number"] for entry in AuditLog(tmp_path).entries()] == [0, 1, 2]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_changed_byte_is_found(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("audit")
    fill(folder, 3)
    log = AuditLog(folder)
    content = bytearray(log.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 2))
    content[place] ^= data.draw(st.integers(1, 127))
    log.path.write_bytes(content)
    try:
        broken = log.first_broken()
    except (ValueError, TypeError, KeyError):
        return
    assert broken is not None


def test_a_torn_last_line_is_cut_off(tmp_path):
    fill(tmp_path, 2)
    log = AuditLog(tmp_path)
    with log.path.open("ab") as handle:
        handle.write(b'{"actor":"Sara')
    fill(tmp_path, 1)
    assert log.first_broken() is None
    assert len(list(log.entries())) == 3


def test_many_writers_keep_one_chain(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=fill, args=(tmp_path, 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert AuditLog(tmp_path).first_broken() is None
    assert len(list(AuditLog(tmp_path).entries())) == 40


def test_changing_verbs_are_audited_and_reading_ones_leave_no_trace(project):
    (project.root / "data.csv").write_text("a\n1\n")
    mlops.status(project=str(project.root))
    mlops.commit("data.csv", project=str(project.root))
    with pytest.raises(mlops.errors.UsageError):
        mlops.checkout("nothing@v9", project=str(project.root))
    lines = [(entry.verb, entry.outcome) for entry in project.audit.entries()]
    assert lines == [("commit", "ok"), ("checkout", "unknown-dataset")]
