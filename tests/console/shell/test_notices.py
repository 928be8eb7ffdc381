"""What a page says once is one of the sentences that are known."""

from __future__ import annotations

from tests.console.conftest import Visitor
from tests.console.test_pages import ATTACK


def test_a_notice_is_one_of_those_known(visitor: Visitor) -> None:
    assert "Saved." in visitor.text("/settings?done=saved")
    assert ATTACK not in visitor.text(f"/settings?done={ATTACK}")
