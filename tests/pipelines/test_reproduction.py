"""What counts as the same output, and what is said of one that is not."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import polars as pl
import pytest

from jupyter_mlops.pipelines.reproduction import factors
from jupyter_mlops.pipelines.reproduction.comparing import File, Outputs
from jupyter_mlops.pipelines.reproduction.differing import OutputDifference, Tolerance, verdict
from jupyter_mlops.pipelines.reproduction.investigating import used_before
from jupyter_mlops.pipelines.reproduction.texts import plain, same_numbers
from jupyter_mlops.registry.agreement import agree

EXACT, LOOSE = Tolerance(), Tolerance(1e-6)


@pytest.fixture
def differ(tmp_path: Path):
    """The differences of two contents of an output called `name`."""

    def compare(name: str, before, after, tolerance: Tolerance = EXACT) -> tuple[OutputDifference, ...]:
        sides = []
        for side, content in (("before", before), ("after", after)):
            path = tmp_path / side
            content(path) if callable(content) else path.write_bytes(content)
            sides.append({name: File(side, path)})
        notebooks = frozenset({name} if name.endswith(".ipynb") else ())
        return Outputs(tolerance, agree, {}, notebooks).compare(*sides)

    return compare


def test_csv_cells_are_compared_by_value_within_the_tolerance(differ):
    before, after = b"a,b\n1,x\n2.0,y\n", b"a,b\n1.0,x\n2.0000001,y\n"

    assert [each.within for each in differ("t.csv", before, after, LOOSE)] == [True]
    assert verdict(differ("t.csv", before, after)) == "different"
    (found,) = differ("t.csv", before, after)
    assert (found.kind, found.detail) == ("table", "1 cells differ: a (1), by 1e-07 at most")


def test_the_same_rows_in_another_order_are_told_apart(differ):
    (found,) = differ("t.csv", b"a,b\n1,x\n2,y\n3,z\n", b"a,b\n3,z\n1,x\n2,y\n")
    assert (found.kind, found.detail, found.within) == ("row-order", "the same 3 rows in another order", False)
    (rows,) = differ("t.csv", b"a\n1\n2\n", b"a\n1\n")
    assert rows.detail == "2 rows became 1"
    (columns,) = differ("t.csv", b"a\n1\n", b"b\n1\n")
    assert columns.detail == "without the column a, with the new column b"


def test_a_parquet_file_written_otherwise_holds_the_same(differ):
    frame = pl.DataFrame({"a": [1.5, None, float("nan")], "b": ["x", None, "z"]})
    (found,) = differ("t.parquet", frame.write_parquet, lambda path: frame.write_parquet(path, compression="gzip"))
    assert (found.within, found.detail) == (True, "every cell is the same, written otherwise")


def test_a_value_that_went_missing_is_within_no_tolerance(differ):
    (found,) = differ("t.csv", b"a,b\n1,1\n2,2\n", b"a,b\n1,1\n,2\n", Tolerance(1.0))
    assert not found.within


def test_json_is_compared_value_by_value_whatever_the_order_of_keys(differ):
    before = json.dumps({"auc": 0.8, "n": 3, "names": ["a"]}).encode()
    after = json.dumps({"names": ["a"], "n": 3, "auc": 0.8000000001}).encode()
    (found,) = differ("m.json", before, after, LOOSE)
    assert (found.within, found.detail, found.before) == (True, "auc is close enough", "0.8")
    assert [each.detail for each in differ("m.json", b'{"a": true}', b'{"a": 1, "b": 2}')] == ["a differs", "b differs"]
    (written,) = differ("m.json", b'{"a":1}', b'{"a": 1}')
    assert written.within


def png(text: bytes, *, black: int = 0) -> bytes:
    """A picture of 2 by 2 pixels, with a remark about who made it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes([0 if 2 * y + x < black else 255 for x in range(2)]) for y in range(2))
    header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header),
        chunk(b"tEXt", b"Software\0" + text),
        chunk(b"IDAT", zlib.compress(rows)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_picture_is_its_pixels_and_its_remarks_are_named(differ):
    (same,) = differ("p.png", png(b"one"), png(b"two"))
    assert (same.within, same.detail) == (True, "every pixel is the same; tEXt Software differs")
    (other,) = differ("p.png", png(b"one"), png(b"one", black=1))
    assert (other.within, other.detail) == (False, "25.00% of its pixels differ")


def test_a_model_is_what_it_predicts(differ):
    import numpy as np
    import skops.io
    from sklearn.linear_model import LinearRegression

    rows = np.arange(20.0).reshape(10, 2) ** 1.5
    model = LinearRegression().fit(rows, rows.sum(axis=1))
    moved = LinearRegression().fit(rows, rows.sum(axis=1))
    moved.coef_ = model.coef_ + 1e-3

    def saved(estimator):
        return lambda path: path.write_bytes(skops.io.dumps(estimator))

    (same,) = differ("m.skops", saved(model), saved(model))
    assert same.within
    assert same.detail == "its bytes differ, its predictions of 256 rows are the same"
    (other,) = differ("m.skops", saved(model), saved(moved))
    assert not other.within
    assert "numbers apart by" in other.detail
    (pickled,) = differ("m.pkl", b"one", b"two")
    assert not pickled.within
    assert "runs code when opened" in pickled.detail


def notebook(*outputs: list[dict], count: int = 1) -> bytes:
    cells = [
        {"cell_type": "code", "source": f"cell {n}", "metadata": {}, "execution_count": count + n, "outputs": shown}
        for n, shown in enumerate(outputs)
    ]
    injected = {"cell_type": "code", "source": "x", "metadata": {"tags": ["injected-parameters"]}, "outputs": []}
    return json.dumps({"cells": [injected, *cells], "metadata": {"papermill": {"start_time": str(count)}}}).encode()


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def shows(**data: object) -> dict:
    return {"output_type": "execute_result", "data": {key.replace("_", "/"): value for key, value in data.items()}}


def test_an_executed_notebook_is_what_its_cells_show(differ):
    before = [stream("loss 0.5\n"), stream("took 1.2 s, at 0x7f1234567890\nCPU times: user 3 ms\n")]
    after = [stream("loss 0.5\ntook 3.4 s, at 0x7fffffffffff\nCPU times: user 9 ms\n")]
    assert differ("e.ipynb", notebook(before), notebook(after, count=7)) == ()


def test_the_cell_that_shows_something_else_is_named(differ):
    same, old, new = [stream("ok")], [shows(text_plain="0.81")], [shows(text_plain="0.82")]
    (found,) = differ("e.ipynb", notebook(same, old), notebook(same, new))
    assert (found.kind, found.cell, found.before, found.after) == ("cell", 2, "0.81", "0.82")
    assert not found.within
    (close,) = differ("e.ipynb", notebook(same, old), notebook(same, new), Tolerance(0.1))
    assert close.within
    html = [shows(text_plain="a", text_html="<p id=1>")], [shows(text_plain="a", text_html="<p id=2>")]
    assert differ("e.ipynb", notebook(html[0]), notebook(html[1])) == ()
    (error,) = differ("e.ipynb", notebook([]), notebook([{"output_type": "error", "ename": "E", "evalue": "x"}]))
    assert error.detail == "error is new"


def test_what_is_no_longer_written_or_new_is_told(tmp_path):
    (tmp_path / "x").write_text("x")
    one = {"a.txt": File("1", tmp_path / "x")}
    outputs = Outputs(EXACT, agree)
    assert [each.kind for each in outputs.compare(one, {})] == ["missing"]
    assert [each.kind for each in outputs.compare({}, one)] == ["added"]


def test_a_file_that_is_not_what_its_name_says_is_still_compared(differ):
    for name in ("t.parquet", "p.png", "m.json", "e.ipynb", "m.onnx"):
        assert [each.within for each in differ(name, b"\xff\x00one", b"\xff\x00two")] == [False], name


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("auc 0.50", "auc 0.5", True),
        ("a  1", "a 1", True),
        ("v1.2", "v1.3", False),
        ("1e-9 x", "0 x", True),
        ("1 2", "1", False),
        ("nan", "nan", True),
    ],
)
def test_texts_are_the_same_when_their_numbers_are(before, after, same):
    assert same_numbers(before, after, LOOSE) is same


def test_the_folder_in_which_it_ran_does_not_count():
    assert plain("File /tmp/replica/x.py", ("/tmp/replica",)) == plain("File /home/sara/x.py", ("/home/sara",))


def test_a_factor_that_is_let_go_is_not_held_still(tmp_path):
    setting = factors.Setting(frozenset(factors.STILL), 5.0)
    held = setting.variables(tmp_path, tmp_path)
    assert (held["PYTHONHASHSEED"], held["OMP_NUM_THREADS"]) == ("0", "1")
    assert json.loads((tmp_path / "orders.json").read_text())["controls"] == sorted(factors.STILL)
    loose = setting.without(factors.ORDER).without(factors.THREADS).variables(tmp_path, tmp_path)
    assert loose["PYTHONHASHSEED"] == "1"
    assert "OMP_NUM_THREADS" not in loose


def test_what_agrees_by_chance_depends_on_what_was_used_up_to_there():
    seen = (
        factors.Sighting("work", factors.NETWORK, "a:1", 1),
        factors.Sighting("work", factors.SEED, "random.random", 2),
        factors.Sighting("work", factors.CLOCK, "time.time", 4),
    )
    assert used_before(("executed/work.ipynb", 3), seen) == (factors.SEED,)
    assert used_before(("out.txt", None), seen) == (factors.SEED, factors.CLOCK)
    assert used_before(("executed/work.ipynb", 1), seen) == ()
