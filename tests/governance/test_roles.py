"""Who may do what."""

from __future__ import annotations

import pytest

from jupyter_mlops.errors import Denied, UsageError
from jupyter_mlops.governance.roles import ROLES, Action, Roles
from jupyter_mlops.records import Actor

SARA = Actor("Sara", "sara@example.org")


def test_without_roles_everybody_may_do_everything():
    assert all(Roles({}).permits(SARA, action) for action in Action)


def test_whoever_is_not_named_is_a_viewer():
    roles = Roles({"omar@example.org": "admin"})
    assert roles.role_of(SARA) == "viewer"
    assert not roles.permits(SARA, Action.DATA)


def test_an_email_counts_before_a_name_and_a_name_before_everyone():
    roles = Roles({"*": "viewer", "Sara": "auditor", "sara@example.org": "ml engineer"})
    assert roles.role_of(SARA) == "ml engineer"
    assert roles.role_of(Actor("Sara")) == "auditor"
    assert roles.role_of(Actor("Omar")) == "viewer"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", Action)
def test_a_denial_says_which_role_would_do(role, action):
    roles = Roles({"*": role})
    if roles.permits(SARA, action):
        roles.require(SARA, action, "verb")
        return
    with pytest.raises(Denied) as caught:
        roles.require(SARA, action, "verb")
    enough = caught.value.message.partition("needs ")[2].rstrip(".")
    assert action in ROLES[enough]


def test_an_unknown_role_is_named():
    with pytest.raises(UsageError, match="boss"):
        Roles({"*": "boss"})
