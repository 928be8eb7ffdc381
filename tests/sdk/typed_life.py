"""The whole life of a network with the generated client; a test runs it as it stands."""

from pathlib import Path

from landform_typed_client import AuthenticatedClient, Client
from landform_typed_client.api.auth import login
from landform_typed_client.api.networks import (
    change_network,
    create_network,
    delete_network,
    get_network,
)
from landform_typed_client.api.stacks import list_stack_operations
from landform_typed_client.models import (
    LoginBody,
    NetworkChange,
    NetworkChangeParameters,
    NewNetwork,
    NewNetworkParameters,
)
from landform_typed_client.waiting import ProblemError, expect, wait_for

URL = "http://127.0.0.1:8080"

# Sign in. A token lasts 15 minutes.
password = Path("var/admin-password").read_text().strip()
tokens = expect(login.sync(client=Client(URL), body=LoginBody("admin", password)))
client = AuthenticatedClient(URL, token=tokens.access_token)

# Create: the key makes the request safe to send again. Then wait for the operation.
wanted = NewNetwork("typed-web", "sandbox", parameters=NewNetworkParameters(zones=2))
asked = expect(create_network.sync(client=client, body=wanted, idempotency_key="typed-life"))
if asked.operation is not None:
    wait_for(client, asked.operation, timeout_seconds=120)

# Read its outputs.
stack_id = asked.stack.id
answer = get_network.sync_detailed(stack_id, client=client)
network = expect(answer.parsed)
print(network.status.value, network.outputs.network_id, network.outputs.subnet_ids)

# Change it: If-Match makes sure that nobody changed it meanwhile.
more_zones = NetworkChange(parameters=NetworkChangeParameters(zones=3))
changed = expect(
    change_network.sync(stack_id, client=client, body=more_zones, if_match=answer.headers["ETag"])
)
if changed.operation is not None:
    operation = wait_for(client, changed.operation, timeout_seconds=120)
    print(operation.status.value, operation.plan)

# See what happened, newest first.
for item in expect(list_stack_operations.sync(stack_id, client=client)).items:
    print(item.type_.value, item.status.value, item.created_at.isoformat())

# A refusal has a stable code, and advice for people.
try:
    expect(create_network.sync(client=client, body=wanted))
except ProblemError as problem:
    print(problem.status, problem.code, problem.advice)

# Destroy it, whatever its version. (get_deletion_plan shows what would go with cascade=True.)
gone = expect(delete_network.sync(stack_id, client=client, if_match="*"))
if gone.operation is not None:
    print(wait_for(client, gone.operation, timeout_seconds=120).status.value)
