"""Roles, users, API tokens and what these may do."""

from __future__ import annotations

from app.console.shell.labels.label import Label
from app.domain.permissions import Right, Role, ServiceRight
from app.services.identity.api_tokens import TokenStatus

ROLE: dict[str, Label] = {
    Role.VIEWER: Label("Viewer", "quiet", "dot"),
    Role.OPERATOR: Label("Operator", "quiet", "operations"),
    Role.ADMIN: Label("Admin", "quiet", "key"),
}

ROLE_MEANING: dict[str, str] = {
    Role.VIEWER: "Viewer: read-only access to the project",
    Role.OPERATOR: "Operator: create, change and destroy stacks, approve plans",
    Role.ADMIN: "Admin: also manage members, settings, secrets, states and the audit trail",
}

PERSON: dict[str, Label] = {
    "active": Label("Active", "good", "check"),
    "disabled": Label("Disabled", "quiet", "minus"),
}

TOKEN: dict[str, Label] = {
    TokenStatus.ACTIVE: Label("Active", "good", "check"),
    TokenStatus.EXPIRED: Label("Expired", "quiet", "clock"),
    TokenStatus.REVOKED: Label("Revoked", "quiet", "minus"),
}

SCOPE: dict[str, str] = {
    Right.PROJECT_READ: "Read projects and members",
    Right.STACK_READ: "Read stacks, operations and drift",
    Right.STACK_WRITE: "Create, change and destroy stacks",
    Right.OPERATION_CONTROL: "Approve, discard and cancel operations",
    Right.SECRET_READ: "Read sensitive outputs",
    Right.STATE_READ: "Download states",
    Right.STATE_WRITE: "Upload states",
    Right.LOCK_FORCE: "Force-unlock stacks",
    Right.WINDOW_OVERRIDE: "Apply outside change windows",
    Right.PROJECT_WRITE: "Change project settings",
    Right.MEMBER_WRITE: "Manage project members",
    Right.WEBHOOK_MANAGE: "Manage project webhooks",
    Right.AUDIT_READ: "Read project audit trails",
    ServiceRight.USER_MANAGE: "Manage users",
    ServiceRight.PROJECT_MANAGE: "Create and delete projects",
    ServiceRight.ACCOUNT_MANAGE: "Manage cloud accounts",
    ServiceRight.WEBHOOK_MANAGE_ALL: "Manage all webhooks",
    ServiceRight.MAINTENANCE_MANAGE: "Manage installation maintenance",
    ServiceRight.POLICY_WRITE: "Manage policies",
    ServiceRight.PRICE_WRITE: "Import price sheets",
    ServiceRight.POLICY_OVERRIDE: "Grant exceptions from policies",
    ServiceRight.AUDIT_READ_ALL: "Read the whole audit trail",
}
