"""Roles of the ``genesys`` dialect: what an org's client may do now, and how the API shows it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from orgscope_kit.simulator.state import State

__all__ = [
    "HeldRole",
    "allows",
    "division",
    "grant",
    "identifier",
    "is_permission",
    "organization_role",
    "role_divisions",
    "roles_of",
]


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role as it stands at this moment."""

    id: str
    name: str
    permissions: tuple[str, ...]


def identifier(*names: str) -> str:
    """The same made-up id for the same names.

    >>> identifier("org-1", "role", "Agent") == identifier("org-1", "role", "Agent")
    True
    """
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(names)))


def is_permission(name: str) -> bool:
    """Whether ``name`` is a permission and not a scope, which has no third part.

    >>> is_permission("routing:queue:view"), is_permission("routing:readonly")
    (True, False)
    """
    return name.count(":") == 2


def allows(held: Iterable[str], wanted: str) -> bool:
    """Whether one of the permissions ``held`` covers the one ``wanted``.

    >>> allows(["routing:*:view"], "routing:queue:view"), allows(["routing:queue:edit"], "routing:queue:view")
    (True, False)
    """
    parts = wanted.split(":")
    return any(all(a in ("*", b) for a, b in zip(each.split(":"), parts, strict=True)) for each in held)


def roles_of(state: State, org: str, replica: int) -> tuple[HeldRole, ...]:
    """The roles in ``org`` as ``replica`` knows them; a permission granted since the start joins the first."""
    setting = state.scenario.orgs[org]
    listed = [permission for role in setting.roles for permission in role.permissions]
    current = [name for name in state.grants.applied(org, replica, listed) if is_permission(name)]
    added = tuple(name for name in current if name not in listed)
    roles = [(role.name, tuple(name for name in role.permissions if name in current)) for role in setting.roles]
    if added:
        name, kept = roles[0] if roles else ("Granted since the start", ())
        roles[:1] = [(name, (*kept, *added))]
    return tuple(HeldRole(identifier(setting.org_id, "role", name), name, kept) for name, kept in roles)


def division(org_id: str) -> dict[str, Any]:
    """``AuthzDivision``; the sandbox knows the home division only."""
    own = identifier(org_id, "division")
    return {"id": own, "name": "Home", "homeDivision": True, "selfUri": f"/api/v2/authorization/divisions/{own}"}


def grant(role: HeldRole, org_id: str, subject_id: str, full: bool) -> dict[str, Any]:
    """``AuthzGrant``; ``full`` adds the role's policies.

    >>> role = HeldRole("r", "Agent", ("routing:queue:view", "routing:queue:edit"))
    >>> grant(role, "org-1", "s", full=True)["role"]["policies"]
    [{'domain': 'routing', 'entityName': 'queue', 'actions': ['view', 'edit']}]
    """
    policies = [
        {"domain": domain, "entityName": entity, "actions": actions}
        for (domain, entity), actions in _by_entity(role.permissions).items()
    ]
    shown = {"id": role.id, "name": role.name, "default": False, "selfUri": f"/api/v2/authorization/roles/{role.id}"}
    return {
        "subjectId": subject_id,
        "division": division(org_id),
        "role": {**shown, "policies": policies} if full else shown,
        "grantMadeAt": "2026-01-05T09:00:00.000Z",
    }


def organization_role(role: HeldRole) -> dict[str, Any]:
    """``DomainOrganizationRole``, which has the permissions twice: flat, and as policies."""
    policies = [
        {"domain": domain, "entityName": entity, "policyName": f"{domain}.{entity}", "actionSet": actions}
        for (domain, entity), actions in _by_entity(role.permissions).items()
    ]
    return {
        "id": role.id,
        "name": role.name,
        "permissions": list(role.permissions),
        "permissionPolicies": policies,
        "default": False,
        "base": False,
        "selfUri": f"/api/v2/authorization/roles/{role.id}",
    }


def role_divisions(roles: Iterable[HeldRole], org_id: str) -> list[dict[str, str]]:
    """``RoleDivision`` of each role."""
    return [{"roleId": role.id, "divisionId": identifier(org_id, "division")} for role in roles]


def _by_entity(permissions: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for permission in permissions:
        domain, entity, action = permission.split(":")
        found.setdefault((domain, entity), []).append(action)
    return found
