"""The page of two panes: both texts whole, differing lines marked, nothing asked of anybody."""

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import dualnet
import dualnet.cli
from dualnet import catalogue
from dualnet.page import page
from dualnet.show import align

LENET = dualnet.concept("lenet")
SOURCES = [catalogue.source("lenet", backend).read_text() for backend in ("tf", "torch")]


class Page(HTMLParser):
    """The lines of each pane, with the classes of their cells."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.lines, self.said = [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, "every tag is closed"

    def handle_starttag(self, tag, attributes):
        own = dict(attributes)
        self.tags.append((tag, own))
        if tag == "meta":
            return
        self.open.append(tag)
        if "line" in own.get("class", "").split():
            self.lines.append({"classes": own["class"].split(), "code": None})
        if tag == "code" and own.get("class") == "code":
            self.lines[-1]["code"] = ""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said += data
        if "code" in self.open and self.lines:
            self.lines[-1]["code"] += data

    def pane(self, side):
        return [line for line in self.lines if side in line["classes"]]


def lines(left, right):
    return Page(page(LENET, align(left, right)))


def test_each_pane_has_its_text_and_as_many_rows_as_the_other():
    found = lines(*SOURCES)
    panes = [found.pane(side) for side in ("left", "right")]
    assert len(panes[0]) == len(panes[1]) == len(align(*SOURCES))
    for pane, source in zip(panes, SOURCES, strict=True):
        assert [line["code"] for line in pane if "none" not in line["classes"]] == source.splitlines()


def test_lines_that_differ_are_marked_on_both_sides():
    found = lines("a = 1\nb = 2\nc = 3", "a = 1\nb = 4\nc = 3\nd")
    marked = [["differs" in line["classes"] for line in found.pane(side)] for side in ("left", "right")]
    assert marked == [[False, True, False, True]] * 2
    assert [line["classes"][-1] for line in found.pane("left")][-1] == "none"
    assert "2 of 4 lines are the same" in found.said


def test_a_string_over_several_lines_is_highlighted_as_one():
    text = page(LENET, align('"""one\nimport two\n"""', '"""one\nimport two\n"""'))
    assert text.count('<span class="sd">import two</span>') == 2


def test_text_is_text():
    script = "<script>alert(1)</script>"
    found = Page(page(replace(LENET, title=script), align(script, script)))
    assert not [tag for tag, _ in found.tags if tag == "script"]
    assert found.said.count(script) >= 3


def test_the_page_asks_nothing_of_anybody_and_says_the_differences():
    text = page(LENET, align(*SOURCES))
    found = Page(text)
    assert text.startswith("<!doctype html>")
    assert not [own for _, own in found.tags if own.keys() & {"src", "srcset", "href", "style", "onclick"}]
    assert not re.search(r"https?:|url\(|@import|javascript:", text)
    assert "prefers-color-scheme: dark" in text
    assert all(difference.what in found.said for difference in LENET.differences)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """The command, and what it opened in the browser."""
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dualnet", "diff", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            dualnet.cli.main()
        return ended.value.code or 0, opened, *capsys.readouterr()

    return run


def test_the_command_opens_the_page(run, tmp_path):
    code, opened, out, _ = run("lenet")
    (written,) = tmp_path.glob("*/lenet.html")
    assert (code, opened, out.strip()) == (0, [written.as_uri()], str(written))
    assert written.read_text(encoding="utf-8") == page(LENET, align(*SOURCES))


@pytest.mark.parametrize("arguments", [("--no-open",), ("--out", "page.html")], ids=str)
def test_the_command_opens_nothing_where_it_is_told_so(run, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    code, opened, out, _ = run("lenet", *arguments)
    assert (code, opened) == (0, [])
    assert (tmp_path / out.strip()).is_file()


def test_a_page_that_cannot_be_written_is_one_line(run, tmp_path):
    code, opened, _, err = run("lenet", "--out", tmp_path / "none" / "page.html")
    assert (code, opened, err.count("\n")) == (2, [], 1)
