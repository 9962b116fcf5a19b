"""Who acts."""

from __future__ import annotations

import nbformat
import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Actor
from jupyter_mlops.trust.identity import UNKNOWN, identify, parse, require_known
from jupyter_mlops.verbs import find


def test_git_knows_first_then_the_hub_then_nobody():
    sara = Actor("Sara", "sara@example.org")
    assert identify(sara, {"JUPYTERHUB_USER": "omar"}) == sara
    assert identify(None, {"JUPYTERHUB_USER": "omar"}) == Actor("omar", source="hub")
    assert identify(None, {}) == UNKNOWN


def test_a_name_may_come_with_an_address():
    assert parse("Sara <sara@example.org>") == Actor("Sara", "sara@example.org", "given")
    assert parse("Sara") == Actor("Sara", source="given")


@pytest.mark.parametrize("text", ["", " ", "<", "Sara <", "<sara@example.org>", "Sara <a b>", "a\nb", "Sara <x> <y>"])
def test_what_names_nobody_is_no_author(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert caught.value.reference == "bad-author"


def test_every_verb_that_signs_takes_the_name(project, git):
    (project.root / "data.csv").write_text("a\n1\n")
    mlops.commit("data.csv", project=project.root)
    git("config", "--unset", "user.name")
    git("config", "--unset", "user.email")
    with pytest.raises(UsageError, match="Who are you"):
        mlops.tag("data@v1", "gold", project=project.root)
    mlops.tag("data@v1", "gold", author="Omar <omar@example.org>", project=project.root)
    assert (
        git("for-each-ref", "--format=%(taggername) %(taggeremail)", "refs/tags").strip() == "Omar <omar@example.org>"
    )


def test_an_unknown_person_gets_one_kind_question():
    with pytest.raises(UsageError, match="Who are you") as caught:
        require_known(UNKNOWN)
    assert "--author" in caught.value.hint


def test_a_commit_without_identity_asks_and_takes_the_answer(project, git):
    git("config", "--unset", "user.name")
    git("config", "--unset", "user.email")
    (project.root / "data.csv").write_text("a\n1\n")
    with pytest.raises(UsageError, match="Who are you"):
        mlops.commit("data.csv", project=str(project.root))
    mlops.commit("data.csv", author="Omar <omar@example.org>", project=str(project.root))
    assert git("log", "-1", "--format=%an <%ae>").strip() == "Omar <omar@example.org>"


@pytest.mark.parametrize("known", ["name", "email"])
def test_half_an_identity_is_none_and_nothing_is_touched(project, git, known):
    git("config", "--unset", f"user.{'email' if known == 'name' else 'name'}")
    (project.root / "data.csv").write_text("a\n1\n")
    before = sorted(path.name for path in project.root.iterdir())
    with pytest.raises(UsageError) as caught:
        mlops.commit("data.csv", project=project.root)
    assert caught.value.reference == "identity-unknown"
    assert "user.name" in caught.value.hint
    assert "user.email" in caught.value.hint
    assert sorted(path.name for path in project.root.iterdir()) == before
    assert git("status", "--porcelain") == "?? data.csv\n"
    (check,) = [one for one in mlops.doctor(project=project.root).checks if one.name == "identity"]
    assert (check.state, "user.email" in check.hint) == ("failed", True)
    mlops.commit("data.csv", author="Me <m@x.de>", project=project.root)
    assert git("log", "-1", "--format=%an %ae %cn %ce").strip() == "Me m@x.de Me m@x.de"


def test_a_name_alone_gets_the_address_that_the_help_tells(project, git):
    git("config", "--unset", "user.email")
    (project.root / "data.csv").write_text("a\n1\n")
    mlops.commit("data.csv", author="Ana Lee", project=project.root)
    assert git("log", "-1", "--format=%ae").strip() == "ana.lee@localhost"
    assert "name@localhost" in next(one.text for one in find("commit").arguments() if one.name == "author")


def test_a_stage_without_identity_writes_nothing(project, git):
    git("config", "--unset", "user.email")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    (project.root / "a.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook(metadata=kernel)))
    with pytest.raises(UsageError, match="Who are you"):
        mlops.stage.add("a", "a.ipynb", project=project.root)
    assert not (project.root / "dvc.yaml").exists()
