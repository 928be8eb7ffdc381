"""Ask AWS: whether the credentials of an account are good (``docs/aws.md``)."""

from __future__ import annotations

from app.clouds.aws_session import AwsError, in_words, open_client
from app.clouds.login import CloudLogin


def find_fault(login: CloudLogin, region: str) -> str | None:
    """Return what is wrong with the credentials, in words and without any of them, or nothing.

    Args:
        login: of the cloud account.
        region: AWS's name of the region whose STS is asked.
    """
    try:
        client = open_client("sts", login, region)
        with in_words():
            client.get_caller_identity()
    except AwsError as error:
        return str(error)
    return None
