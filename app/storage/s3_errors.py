"""What can be wrong with the place of a state: a part of the tree of ``app.errors``."""

from __future__ import annotations

from app.errors import StackBusyError, UnavailableError


class StateBucketError(UnavailableError):
    """Base of everything that can be wrong with the S3 bucket that holds state."""

    code = "state_bucket_unavailable"
    title = "The state bucket cannot be used"
    advice = "Check S3 and the way to it; work resumes by itself once it answers."


class StateBucketMissingError(StateBucketError):
    code = "state_bucket_missing"
    title = "The state bucket is not there"
    advice = "Check the bucket's name, its region and the endpoint in LANDFORM_STATE_S3_*."


class StateBucketDeniedError(StateBucketError):
    code = "state_bucket_denied"
    title = "S3 refuses access to the state bucket"
    advice = "Check Landform's credentials and its policy for the bucket and the key."


class StateBucketThrottledError(StateBucketError):
    code = "state_bucket_throttled"
    title = "S3 asks for fewer requests to the state bucket"
    advice = "Wait; Landform tries again by itself. If it stays, let fewer operations run at once."


class StateBucketUnversionedError(StateBucketError):
    code = "state_bucket_unversioned"
    title = "The state bucket keeps no old versions"
    advice = "Enable versioning of the bucket; work resumes by itself."


class StateBucketForeignError(StateBucketError):
    code = "state_bucket_foreign"
    title = "The state bucket belongs to another Landform"
    advice = "Name the bucket and prefix of this Landform in LANDFORM_STATE_S3_*, or empty ones."


class StateBucketUnconditionalError(StateBucketError):
    code = "state_bucket_unconditional"
    title = "The state bucket ignores the conditions of a write"
    advice = (
        "Use a store that knows If-None-Match and If-Match of PutObject, such as S3 of AWS, or a "
        "newer version of this one; and let no proxy take these headers out."
    )


class StateMovedError(UnavailableError):
    """Whoever asked began before the state was moved between volume and bucket."""

    code = "state_moved"
    title = "The state is kept somewhere else now"
    advice = "Ask again: Landform knows where it is."


class StateLockedElsewhereError(StackBusyError):
    """Not a process of Landform: a person with plain Terraform, or another program."""

    code = "state_locked_elsewhere"
    title = "Somebody outside Landform has locked the state"
    advice = "Ask who is named in detail to end; `terraform force-unlock` takes a dead one's lock."
