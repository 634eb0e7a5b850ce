import base64
import re
from html.parser import HTMLParser

from ungrid.bench.page import page

ROWS = [{"measurement": "models", "name": "<b>a & b", "psnr": 31.25}, {"measurement": "models", "name": "c", "psnr": None}]


class Tags(HTMLParser):
    """Every tag that is opened, and its attributes."""

    def __init__(self):
        super().__init__()
        self.opened, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.opened.append((tag, dict(attributes)))
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_page_holds_everything_and_loads_nothing():
    text = page("Title <1>", ROWS, {"cores": 2}, "abc", settings=["alike & equal"], png=b"picture")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    sources = [attributes["src"] for tag, attributes in tags.opened if "src" in attributes]
    assert sources == ["data:image/png;base64," + base64.b64encode(b"picture").decode()]
    assert not re.search(r"https?:|<script|<link|@import|url\(", text)
    assert "&lt;b&gt;a &amp; b" in text
    assert "alike &amp; equal" in text
    assert "31.25" in text


def test_a_page_without_a_plot_has_no_picture():
    assert "<img" not in page("Title", ROWS, {}, "abc")
