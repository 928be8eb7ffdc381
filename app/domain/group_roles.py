"""Which roles the groups of an identity provider give: pure rules, written in one setting.

The text is ``role@project=group`` entries, parted by ``;``. ``administrator=group`` makes
administrators of this Landform. A group may hold any character but ``;``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from app.domain.names import is_name
from app.domain.permissions import RIGHTS, Role

ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Grant:
    """What somebody's groups give: a role in each project, by its name."""

    is_admin: bool
    roles: dict[str, Role]

    @property
    def is_empty(self) -> bool:
        """Tell whether the groups give nothing at all."""
        return not (self.is_admin or self.roles)


@dataclass(frozen=True)
class GroupRoles:
    """The rules: ``(group, project, role)``, and the groups of administrators."""

    rules: tuple[tuple[str, str, Role], ...] = ()
    administrators: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the rules from their text.

        Raises:
            ValueError: an entry cannot be read; the message quotes it.
        """
        rules, administrators = [], set()
        for entry in filter(None, map(str.strip, text.split(";"))):
            what, _, group = entry.partition("=")
            role, _, project = what.strip().partition("@")
            group = group.strip()
            if group and what.strip() == ADMINISTRATOR:
                administrators.add(group)
            elif group and role in set(Role) and is_name(project):
                rules.append((group, project, Role(role)))
            else:
                raise ValueError(
                    f"{entry!r} is neither role@project=group nor {ADMINISTRATOR}=group; roles "
                    f"are {', '.join(Role)}"
                )
        return cls(tuple(rules), frozenset(administrators))

    @property
    def projects(self) -> frozenset[str]:
        """Return the projects that any group gives a role in: the groups decide alone there."""
        return frozenset(project for _, project, _ in self.rules)

    def grant(self, groups: Collection[str]) -> Grant:
        """Return what ``groups`` give together; of two roles in a project the larger one."""
        roles: dict[str, Role] = {}
        for group, project, role in self.rules:
            held = roles.get(project)
            if group in groups and (held is None or RIGHTS[role] > RIGHTS[held]):
                roles[project] = role
        return Grant(not self.administrators.isdisjoint(groups), roles)
