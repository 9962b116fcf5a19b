"""Roles: which actions a person may take.

Without a ``[roles]`` table in ``mlops.toml`` everybody may do everything. Inside one
server a role is a guard-rail, not a wall: whoever has a kernel has the server's own
rights. Walls are signed approvals, protected branches and credentials held by CI.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from jupyter_mlops.errors import Denied, UsageError
from jupyter_mlops.records import Actor


class Action(StrEnum):
    """What a verb does, as roles name it."""

    READ = "read"
    DATA = "data"
    RUN = "run"
    MODEL = "model"
    RELEASE = "release"
    ADMINISTER = "administer"


ROLES: Mapping[str, frozenset[Action]] = {
    "viewer": frozenset({Action.READ}),
    "auditor": frozenset({Action.READ}),
    "data scientist": frozenset({Action.READ, Action.DATA, Action.RUN, Action.MODEL}),
    "ml engineer": frozenset({Action.READ, Action.DATA, Action.RUN, Action.MODEL, Action.RELEASE}),
    "approver": frozenset({Action.READ, Action.RELEASE}),
    "admin": frozenset(Action),
}
EVERYONE = "*"
SERVICES: Mapping[str, str] = {"scrub": "data scientist"}
"""What works by itself, and the role it has where the project gives it none."""


class Roles:
    """Who has which role, read from ``[roles]``: ``"sara@example.org" = "ml engineer"``.

    Parameters
    ----------
    assigned
        Email, name or ``*`` to the name of a role.
    """

    def __init__(self, assigned: Mapping[str, str]) -> None:
        unknown = [role for role in assigned.values() if not isinstance(role, str) or role not in ROLES]
        if unknown:
            known = ", ".join(ROLES)
            raise UsageError(
                "unknown-role", f"mlops.toml names an unknown role: {unknown[0]}.", hint=f"Roles are {known}."
            )
        self._assigned = assigned

    @property
    def are_given(self) -> bool:
        """Whether anybody was given a role; else nobody need be known to be let through."""
        return bool(self._assigned)

    def role_of(self, actor: Actor) -> str:
        """The role of `actor`; ``admin`` when no roles are assigned at all."""
        if not self._assigned:
            return "admin"
        if actor.source == "service" and actor.name in SERVICES:
            return self._assigned.get(actor.name, SERVICES[actor.name])
        keys = (actor.email, actor.name, EVERYONE)
        return next((self._assigned[key] for key in keys if key in self._assigned), "viewer")

    def permits(self, actor: Actor, action: Action) -> bool:
        """Whether `actor` may take `action`."""
        return action in ROLES[self.role_of(actor)]

    def require(self, actor: Actor, action: Action, verb: str) -> None:
        """Raise `Denied`, with the role that would do, unless `actor` may take `action`."""
        if self.permits(actor, action):
            return
        enough = next(role for role, actions in ROLES.items() if action in actions)
        mine = self.role_of(actor)
        article = "an" if mine[0] in "aeiou" else "a"
        raise Denied(
            "denied",
            f"You are {article} {mine}. `{verb}` needs {enough}.",
            hint="An admin changes [roles] in mlops.toml.",
        )
