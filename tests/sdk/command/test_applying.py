"""Changes as ``apply`` sends them, to a Landform that answers as one of either version would."""

from __future__ import annotations

import json
from typing import Any, cast

import httpx
import pytest

from landform_client import ChangedMeanwhileError, Landform, Stack
from landform_client.command.applying import _change
from landform_client.comparison import Action, Change

WANTED = {"a": "1"}


class Server:
    """Keeps the labels of one stack: replaces them, or merges what it is sent."""

    def __init__(self, *, merges: bool) -> None:
        self.merges = merges
        self.stack: dict[str, Any] = {
            "id": "stk_1",
            "parameters": {"zones": 1},
            "labels": {"a": "0", "old": "x"},
            "links": {"typed": "/api/v1/networks/stk_1"},
        }
        self.sent: list[tuple[str | None, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            body = json.loads(request.content)
            self.sent.append((request.headers.get("If-Match"), body))
            before = self.stack["labels"] if self.merges else {}
            labels = {**before, **body["labels"]}
            self.stack["labels"] = {name: text for name, text in labels.items() if text is not None}
            answer = {"stack": self.stack, "operation": None}
            return httpx.Response(200, json=answer)
        return httpx.Response(200, json=self.stack, headers={"ETag": '"3"'})

    def client(self) -> Landform:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return Landform("http://landform.test", http=http)


@pytest.mark.parametrize("merges", [False, True])
def test_labels_are_those_of_the_manifest_whether_they_are_merged_or_not(merges: bool) -> None:
    server = Server(merges=merges)
    before = cast("Stack", json.loads(json.dumps(server.stack)))
    change = Change(Action.CHANGE, "network/web", "default", body={"labels": WANTED})
    _change(server.client(), before, change)
    assert server.stack["labels"] == WANTED
    assert server.sent[0] == ('"3"', {"labels": WANTED})
    assert len(server.sent) == (2 if merges else 1)


def test_a_stack_that_is_another_than_it_was_compared_with_is_left_alone() -> None:
    server = Server(merges=False)
    before = cast("Stack", {**server.stack, "parameters": {"zones": 2}})
    change = Change(Action.CHANGE, "network/web", "default", body={"labels": WANTED})
    with pytest.raises(ChangedMeanwhileError, match="Somebody changed network/web"):
        _change(server.client(), before, change)
    assert server.sent == []
