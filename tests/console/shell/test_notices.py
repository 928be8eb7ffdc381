"""What a page says once is one of the sentences that are known."""

from __future__ import annotations

import pytest

from app.console.shell.notices import go_back_with_notice
from tests.console.conftest import Visitor
from tests.console.test_pages import ATTACK


def test_a_notice_is_one_of_those_known(visitor: Visitor) -> None:
    assert "Saved." in visitor.text("/settings?done=saved")
    assert ATTACK not in visitor.text(f"/settings?done={ATTACK}")


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/drift", "/drift?done=saved"),
        ("/drift?group=cause", "/drift?group=cause&done=saved"),
        ("/drift?done=made&group=cause", "/drift?group=cause&done=saved"),
        ("/drift#x", "/drift?done=saved#x"),
    ],
)
def test_a_notice_goes_to_the_page_before(path: str, address: str) -> None:
    assert go_back_with_notice("saved", path).location == address
