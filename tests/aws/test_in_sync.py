"""What Landform made on AWS is in sync at once: an apply takes nothing of its own for drift."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.conftest import AwsLandform
from tests.aws_proxy import Proxy

# The provider waits as AWS needs it, and the machine may be busy.
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


def check_that_it_is_in_sync(aws: AwsLandform, stack: dict[str, Any]) -> None:
    assert aws.drift(stack) == {}
    assert aws.stack(stack)["drift"]["status"] == "in_sync"
    assert not aws.report(stack)["pending_changes"]


def test_a_network_is_in_sync_at_once(aws: AwsLandform, proxy: Proxy) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("networks", "web", zones=2)
    check_that_it_is_in_sync(aws, stack)
    aws.change("networks", stack, internet_access=False)
    check_that_it_is_in_sync(aws, stack)


def test_a_bucket_is_in_sync_at_once(aws: AwsLandform, proxy: Proxy) -> None:
    aws.use(proxy.endpoint)
    stack = aws.create("buckets", "media")
    check_that_it_is_in_sync(aws, stack)
    aws.change("buckets", stack, public=True, versioning=True)
    check_that_it_is_in_sync(aws, stack)


@pytest.mark.parametrize("plural", ["machine-groups", "clusters", "databases"])
def test_what_stands_in_a_network_is_in_sync_at_once(
    aws: AwsLandform, proxy: Proxy, plural: str
) -> None:
    aws.use(proxy.endpoint)
    needs_internet = plural == "clusters"
    network = aws.create("networks", "web", zones=2, internet_access=needs_internet)
    check_that_it_is_in_sync(aws, aws.create(plural, "main", network=network["id"]))
    check_that_it_is_in_sync(aws, network)
