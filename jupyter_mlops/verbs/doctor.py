"""The project as a whole: what is wrong with it, or with the installation."""

from __future__ import annotations

import attrs

from jupyter_mlops.checkup import Check, checks, installed_versions
from jupyter_mlops.governance.roles import Action
from jupyter_mlops.verbs.declaration import Call, Group, verb


@attrs.frozen
class Diagnosis:
    """What `doctor` found."""

    checks: tuple[Check, ...]
    versions: dict[str, str]

    @property
    def gate(self) -> str | None:
        """The first failed check."""
        return next((check.message for check in self.checks if check.state == "failed"), None)


@verb(Group.GOVERN, Action.READ, reads=True, anywhere=True)
def doctor(call: Call) -> Diagnosis:
    """Check the installation, the project, git, DVC and Jupyter."""
    return Diagnosis(tuple(checks(call.opened)), installed_versions())
