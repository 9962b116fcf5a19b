"""Who acts."""

from __future__ import annotations

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.errors import UsageError
from jupyter_mlops.records import Actor
from jupyter_mlops.trust.identity import UNKNOWN, identify, parse, require_known


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
