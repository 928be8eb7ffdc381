"""All models, so that the metadata is whole for Alembic and for relationships."""

from app.models.api_token import ApiToken
from app.models.audit_event import AuditEvent, AuditHead
from app.models.base import Base
from app.models.change_control import ChangeControl
from app.models.cloud_account import CloudAccount
from app.models.drift_baseline import DriftBaseline
from app.models.drift_finding import DriftDay, DriftFinding, DriftRule
from app.models.drift_report import DriftReport
from app.models.idempotency import IdempotencyRecord
from app.models.installation import InstallationFact
from app.models.operation import Operation, OperationEvent, OperationPlan, OperationStep
from app.models.project import Project, ProjectMember
from app.models.sign_in_failure import SignInFailure
from app.models.stack import Schedule, Stack, StackOutput, StackReference
from app.models.stack_lock import StackLock
from app.models.state_version import StateVersion
from app.models.user import User, UserSession
from app.models.user_identity import UserIdentity
from app.models.webhook import Webhook, WebhookDelivery, WebhookEvent

__all__ = [
    "ApiToken",
    "AuditEvent",
    "AuditHead",
    "Base",
    "ChangeControl",
    "CloudAccount",
    "DriftBaseline",
    "DriftDay",
    "DriftFinding",
    "DriftReport",
    "DriftRule",
    "IdempotencyRecord",
    "InstallationFact",
    "Operation",
    "OperationEvent",
    "OperationPlan",
    "OperationStep",
    "Project",
    "ProjectMember",
    "Schedule",
    "SignInFailure",
    "Stack",
    "StackLock",
    "StackOutput",
    "StackReference",
    "StateVersion",
    "User",
    "UserIdentity",
    "UserSession",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
]
