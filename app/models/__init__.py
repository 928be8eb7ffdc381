"""All models, so that the metadata is whole for Alembic and for relationships."""

from app.models.api_token import ApiToken
from app.models.audit_event import AuditEvent, AuditHead
from app.models.base import Base
from app.models.change_control import ChangeControl
from app.models.cloud_account import CloudAccount, CloudAccountProject
from app.models.drift_baseline import DriftBaseline
from app.models.drift_finding import DriftDay, DriftFinding, DriftRule
from app.models.drift_report import DriftReport
from app.models.idempotency import IdempotencyRecord
from app.models.installation import InstallationFact
from app.models.instance import Instance
from app.models.operation import Operation, OperationEvent, OperationStep, StoredPlan
from app.models.operation_footprint import OperationFootprint
from app.models.policy import PolicyOverride, PolicySet, PolicySetVersion
from app.models.price_sheet import PriceSheetRow
from app.models.project import Project, ProjectMember
from app.models.resource_key import ResourceKey
from app.models.second_factor import RecoveryCode, UserSecondFactor
from app.models.sign_in_failure import SignInFailure
from app.models.stack import Schedule, Stack, StackOutput, StackReference
from app.models.stack_agreement import StackAgreement
from app.models.stack_lock import StackLock
from app.models.state_fence import StateFence
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
    "CloudAccountProject",
    "DriftBaseline",
    "DriftDay",
    "DriftFinding",
    "DriftReport",
    "DriftRule",
    "IdempotencyRecord",
    "InstallationFact",
    "Instance",
    "Operation",
    "OperationEvent",
    "OperationFootprint",
    "OperationStep",
    "PolicyOverride",
    "PolicySet",
    "PolicySetVersion",
    "PriceSheetRow",
    "Project",
    "ProjectMember",
    "RecoveryCode",
    "ResourceKey",
    "Schedule",
    "SignInFailure",
    "Stack",
    "StackAgreement",
    "StackLock",
    "StackOutput",
    "StackReference",
    "StateFence",
    "StateVersion",
    "StoredPlan",
    "User",
    "UserIdentity",
    "UserSecondFactor",
    "UserSession",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
]
