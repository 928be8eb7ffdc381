"""What a browser sends when a form of a page is submitted as it stands."""

from __future__ import annotations

from html.parser import HTMLParser


class _Form(HTMLParser):
    """Collects the values of the one form that goes to ``action``."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.is_inside = action, False
        self.values: dict[str, str] = {}
        self.select = self.area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self.is_inside = given.get("action") == self.action
        elif not self.is_inside:
            return
        elif tag == "input" and given.get("type") == "checkbox":
            if "checked" in given:
                self.values[name] = value
        elif tag == "input":
            self.values[name] = value
        elif tag == "select":
            self.select = name
        elif tag == "option" and ("selected" in given or self.select not in self.values):
            self.values[self.select] = value
        elif tag == "textarea":
            self.area = name
            self.values[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
        elif tag == "textarea":
            self.area = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.values[self.area] += data.removeprefix("\n")


def values_of(page: str, action: str) -> dict[str, str]:
    """Return what the form of ``page`` that goes to ``action`` holds."""
    form = _Form(action)
    form.feed(page)
    assert form.values, f"no form goes to {action}"
    return form.values
