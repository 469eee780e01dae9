"""Forms as a browser sends them, read from the page that shows them."""

from html.parser import HTMLParser


class FormReader(HTMLParser):
    """Collects what a browser would send of the form with one id."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.is_inside = False
        self.name = ""  # of the element that is open: its text or its options are its value
        self.answers: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.is_inside = given.get("id") == self.form_id
        name = given.get("name") or ""
        if not self.is_inside or (not name and tag != "option"):
            return
        if tag == "input" and (given.get("type") not in {"checkbox", "radio", "submit"} or "checked" in given):
            if given.get("type") != "submit":
                self.answers[name] = given.get("value") or ""
        elif tag in {"textarea", "select"}:
            self.name, self.answers[name] = name, ""
        elif tag == "option" and "selected" in given:
            self.answers[self.name] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.is_inside and self.lasttag == "textarea" and self.name:
            self.answers[self.name] += data.removeprefix("\n").removeprefix("\r\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.is_inside = False
        elif tag in {"textarea", "select"}:
            self.name = ""


def form_of(page: str, form_id: str) -> dict[str, str]:
    """Return what a browser would send of a form that nobody has touched."""
    reader = FormReader(form_id)
    reader.feed(page)
    assert reader.answers, f"there is no form {form_id}"
    return reader.answers
