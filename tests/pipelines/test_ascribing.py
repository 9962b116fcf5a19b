"""What only the folder told is ascribed to whoever may have done it."""

from __future__ import annotations

from jupyter_mlops.pipelines.capturing.capture import Captured
from jupyter_mlops.pipelines.running.ascribing import Ascribing
from jupyter_mlops.pipelines.stages.specs import Out, StageSpec

FIRST = StageSpec("first", "x", "x", deps=("data",), outs=(Out("first.csv"),))
SECOND = StageSpec("second", "x", "x", deps=("other.csv",), outs=(Out("second.csv"),))


def ascribed(*, together: bool) -> dict[str, Captured]:
    seen = ("data/a.csv", "other.csv", "second.csv", "nobodys.csv")
    files = Ascribing()
    files.looked_at(FIRST, [])
    files.looked_at(SECOND, [FIRST] if together else [])
    files.heard("first", Captured(reads=(*seen, "by_python.csv"), native=seen))
    files.heard("second", Captured(reads=seen, native=seen))
    return dict(files.captured())


def test_what_a_stage_declares_is_its_own_while_others_run():
    found = ascribed(together=True)

    assert found["first"].reads == ("data/a.csv", "nobodys.csv", "by_python.csv")
    assert found["second"].reads == ("other.csv", "second.csv", "nobodys.csv")
    assert [one.unsure for one in found.values()] == [("nobodys.csv",), ("nobodys.csv",)]


def test_what_a_stage_does_alone_is_its_own():
    alone = ascribed(together=False)["first"]

    assert alone.reads == ("data/a.csv", "other.csv", "second.csv", "nobodys.csv", "by_python.csv")
    assert alone.unsure == ()


def test_what_python_told_of_one_is_not_the_others():
    files = Ascribing()
    files.looked_at(FIRST, [])
    files.looked_at(SECOND, [FIRST])
    files.heard("first", Captured(reads=("a.csv",), native=("a.csv",)))
    files.heard("second", Captured(reads=("a.csv",)))

    assert {name: captured.reads for name, captured in files.captured().items()} == {"first": (), "second": ("a.csv",)}


def test_metrics_that_a_sidebar_shows_are_read_by_the_stages_that_say_so():
    scores = StageSpec("scores", "x", "x", outs=(Out("scores.json", kind="metrics"),))
    reader = StageSpec("reader", "x", "x", deps=("scores.json",))
    files = Ascribing([scores, reader, FIRST])
    for stage in (reader, FIRST):
        files.looked_at(stage, [])
        files.heard(stage.name, Captured(reads=("scores.json",), native=("scores.json",)))

    assert {name: captured.reads for name, captured in files.captured().items()} == {
        "reader": ("scores.json",),
        "first": (),
    }
