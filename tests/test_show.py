"""The two panes: nothing lost, nothing moved, equal lines beside each other."""

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import dualnet
from dualnet.show import Row, align, side_by_side, variant_table

LINES = st.lists(st.sampled_from(["a", "b", "", "    c", "d"]), max_size=12)


def pairs(left, right):
    return [(row.left, row.right) for row in align("\n".join(left), "\n".join(right))]


ALIGNED = {
    "equal": ("ab", "ab", [("a", "a"), ("b", "b")]),
    "a line more on the left": ("axb", "ab", [("a", "a"), ("x", None), ("b", "b")]),
    "a line more on the right": ("ab", "axb", [("a", "a"), (None, "x"), ("b", "b")]),
    "one line differs": ("axb", "ayb", [("a", "a"), ("x", "y"), ("b", "b")]),
    "three lines against one": ("axyzb", "aub", [("a", "a"), ("x", "u"), ("y", None), ("z", None), ("b", "b")]),
    "one line against three": ("aub", "axyzb", [("a", "a"), ("u", "x"), (None, "y"), (None, "z"), ("b", "b")]),
    "lines at the end": ("a", "axy", [("a", "a"), (None, "x"), (None, "y")]),
    "an empty left": ("", "ab", [(None, "a"), (None, "b")]),
    "an empty right": ("ab", "", [("a", None), ("b", None)]),
    "nothing in common": ("ab", "cd", [("a", "c"), ("b", "d")]),
    "both empty": ("", "", []),
}


@pytest.mark.parametrize("case", ALIGNED)
def test_align(case):
    left, right, expected = ALIGNED[case]
    assert pairs(left, right) == expected


CHANGED = {
    "the like line is not the first": (
        ["x = 1", "layer = Dense(10)"],
        ["layer = Linear(10)"],
        [("x = 1", None), ("layer = Dense(10)", "layer = Linear(10)")],
    ),
    "the likest of two": (
        ["self.conv = Conv2D(6, 5)"],
        ["self.conv = Norm(6)", "self.conv = Conv2d(6, 5)"],
        [(None, "self.conv = Norm(6)"), ("self.conv = Conv2D(6, 5)", "self.conv = Conv2d(6, 5)")],
    ),
    "what is between like lines stays in order": (
        ["def call(self, x):", "a", "b", "return self.head(x)"],
        ["def forward(self, x):", "c", "return self.top(x)"],
        [
            ("def call(self, x):", "def forward(self, x):"),
            ("a", "c"),
            ("b", None),
            ("return self.head(x)", "return self.top(x)"),
        ],
    ),
    "indented otherwise": (
        ["q", "    shape = x.shape"],
        ["shape = x.shapes"],
        [("q", None), ("    shape = x.shape", "shape = x.shapes")],
    ),
    "crossed lines": (
        ["first = one(x)", "second = two(y)"],
        ["second = two(yy)", "first = one(xx)"],
        [("first = one(x)", None), ("second = two(y)", "second = two(yy)"), (None, "first = one(xx)")],
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_changed_lines_stand_beside_those_that_are_like_them(case):
    left, right, expected = CHANGED[case]
    assert pairs(left, right) == expected


def test_empty_lines_are_lines():
    assert pairs(["a", "", "b"], ["a", "b"]) == [("a", "a"), ("", None), ("b", "b")]


def test_long_texts_keep_their_common_lines():
    """Lines that occur often, such as blank ones, are no junk, as difflib takes them for from 200 lines on."""
    left = [text for i in range(150) for text in (f"left {i}", "")] + ["end"]
    right = [text for i in range(150) for text in (f"right {i}", f"more {i}", "")] + ["end"]
    assert sum(a == b for a, b in pairs(left, right)) == 151


@settings(derandomize=True, deadline=None)
@given(left=LINES, right=LINES)
def test_each_pane_is_its_text(left, right):
    rows = align("\n".join(left), "\n".join(right))
    assert [row.left for row in rows if row.left is not None] == "\n".join(left).splitlines()
    assert [row.right for row in rows if row.right is not None] == "\n".join(right).splitlines()
    assert all(row.left is not None or row.right is not None for row in rows)


@settings(derandomize=True, deadline=None)
@given(text=LINES)
def test_a_text_beside_itself_is_all_the_same(text):
    assert all(row.same for row in align("\n".join(text), "\n".join(text)))


@pytest.mark.parametrize(
    ("row", "same"),
    [(Row("a", "a"), True), (Row("a", "b"), False), (Row("a", None), False), (Row(None, ""), False)],
    ids=str,
)
def test_rows_know_whether_they_are_the_same(row, same):
    assert row.same is same


def printed(rows, width=60):
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(side_by_side(rows, ("Left", "Right")))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_the_table_has_both_panes_and_marks_what_differs():
    title, *lines = printed(align("import x\nsame = 1\n\nonly_left()", "import y\nsame = 1\n\n"))
    assert title.split() == ["Left", "Right"]
    assert [line.split() for line in lines] == [
        ["import", "x", "≠", "import", "y"],
        ["same", "=", "1", "same", "=", "1"],
        [],
        ["only_left()", "≠"],
    ]


def test_the_table_keeps_every_line_in_its_row():
    """Also lines inside a string that runs over several, and a text that ends with empty ones."""
    left = 'text = """one\n\ntwo\n"""\n\n\n'
    right = 'text = """one\n\nthree\n"""\n\n\n'
    lines = printed(align(left, right))[1:]
    assert len(lines) == 6
    assert [line.split() for line in lines if "≠" in line] == [["two", "≠", "three"]]


def test_an_empty_table_prints():
    assert printed([])[0].split() == ["Left", "Right"]


def test_markup_in_a_source_is_no_markup():
    assert "x[bold]" in printed(align("x[bold]", "x[bold]"))[1]


def test_what_the_sources_report_is_told_for_every_variant():
    file = io.StringIO()
    variants = dualnet.concept("resnet").variants
    Console(file=file, width=200, color_system=None).print(variant_table(variants))
    title, *lines = file.getvalue().splitlines()
    assert title.split() == ["variant", "about", "the", "source", "reports"]
    rows = {line.split()[0]: line for line in lines}
    assert rows.keys() >= variants.keys()
    assert "99.06 %" in rows["resnet18"]


def test_markup_in_what_is_said_is_no_markup():
    file = io.StringIO()
    odd = replace(dualnet.concept("lenet").variant(), about="x[bold]")
    Console(file=file, width=200, color_system=None).print(variant_table({"odd": odd}))
    assert "x[bold]" in file.getvalue()
