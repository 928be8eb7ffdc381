"""The design page shows every component in every state."""

from __future__ import annotations

from tests.console.conftest import Visitor


def test_the_design_page_shows_every_word_of_every_family(visitor: Visitor) -> None:
    page = visitor.text("/console/design")
    for text in ("Needs attention", "Drifted", "Interrupted", "Awaiting approval", "Tainted"):
        assert text in page
    assert visitor.post("/appearance", {"theme": "contrast"}).status_code == 303
    assert 'data-theme="contrast"' in visitor.text("/console/design")
