"""Reports in words, as JSON, as a page and as JUnit XML."""

import io
import itertools
import json
import math
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rich.console import Console

import parity.cli
from parity.html import LABEL_ROWS, LETTER, ROWS, html
from parity.junit import junit
from parity.report import Culprit, Diagnosis, Finding, LayerPair, Report, ReportError
from parity.text import MOST
from parity.trace import Trace

SCHEMA = json.loads((Path(parity.cli.__file__).parent / "report.schema.json").read_text())
EPSILON = Diagnosis(
    "norm.epsilon", "the epsilons differ", 1e-16, ("epsilon 1e-05", "epsilon 0.001"),
    ("nn.BatchNorm2d(7, eps=0.001)", "keras.layers.BatchNormalization(epsilon=1e-05)"),
)  # fmt: skip
SCRIPT = "<script>alert('&\"')</script>"
OUTPUT = Finding("float64/eval/output/0", 3e-16, 1e-11, index=(0, 1), values=(1.0, 1.0 + 3e-16))
WRONG = Finding("float64/eval/gradient/parameter/conv.weight", 0.25, 1e-11, index=(2, 3), values=(1.5, -2.5))
SINGLE = Finding("float32/eval/output/0", 2e-7, 6e-6, 1e-7)
SIDES = {"a": {"framework": "torch", "versions": {"torch": "2.15.0"}, "seeds": (0, math.nan)}, "b": {"framework": "tf"}}


def norm(place, diagnosis=EPSILON):
    return Culprit(f"norm{place} | bn_{place}", "batch_norm", "forward", 4.9e-4, (diagnosis,))


def layer(place, forward=1e-15, backward=2e-15, guilty=False, name="layer{}"):
    names = name.format(place), f"layer_{place}"
    return LayerPair(names, "conv", forward, backward, guilty, ("nn.Conv2d(3, 7, 3)", "Conv2D(7, 3)"))


AGREE = Report("agree", (OUTPUT, SINGLE), environment=SIDES, layers=(layer(0), layer(1, 0.0, 0.0)))
DIFFER = Report(
    "Net (torch) | Net (tf)",
    (OUTPUT, WRONG, SINGLE),
    not_tested=("input 1",),
    notes=("a kink was met",),
    environment=SIDES,
    layers=(*map(layer, range(9)), *(layer(i, 4e-4, 0.2, True, "norm{}") for i in range(9, 70))),
    culprits=(*map(norm, range(53)), Culprit("between a | b and c | d", "glue", "backward", 0.9, (), "twice as large")),
    unpaired=("a: extra (dense)", "b: dense_9 (dense)", "b: conv.bias (parameter)"),
)
WEIRD = Report(
    SCRIPT + "\x00\ud800",
    (
        Finding(f"float64/{SCRIPT}/x", math.nan, 1e-11),
        Finding("no slash \x1b[31m", math.inf, 0.0, problem=f"missing: {SCRIPT}"),
        Finding("float64/huge/0", 1e300, 1e-11, index=(0,), values=(math.nan, -math.inf)),
        Finding("float32/huge/0", math.inf, 1e-6, 1e-7, excluded="rounding [bold]decided[/bold] it"),
    ),
    not_tested=(SCRIPT,),
    notes=(SCRIPT, "[red]no markup"),
    environment={"a": {SCRIPT: SCRIPT}, "tool": "x", "path": Path("/x")},
    layers=(
        layer(0, math.nan, math.nan),
        layer(1, math.inf, 1e300, True, SCRIPT),
        layer(2, 5e-324, -0.0, True, "ü" * 300),
        LayerPair(("", "relu"), "relu", 0.0, math.nan),
    ),
    culprits=(Culprit(SCRIPT, "conv", "forward", math.inf, (replace(EPSILON, title=SCRIPT),)),),
    unpaired=(SCRIPT,),
)
HUGE = Report("huge", tuple(Finding(f"float64/stage{i % 40}/output/{i}", i * 1e-16, 1e-13) for i in range(ROWS + 500)))
REPORTS = {"agree": AGREE, "differ": DIFFER, "weird": WEIRD, "huge": HUGE, "empty": Report("", ())}
each = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)


def printed(report, width=110):
    file = io.StringIO()
    report.print(Console(file=file, width=width, color_system=None))
    return file.getvalue()


# --- words -----------------------------------------------------------------------------------------------------


def test_culprits_of_one_cause_and_phase_are_one_paragraph():
    text = str(DIFFER)
    assert text.count("cause norm.epsilon") == 1
    assert "norm0 | bn_0 (batch_norm, forward)" in text
    assert "and 52 more like it\n" in text
    assert [len(group) for group in DIFFER.groups] == [53, 1]


def test_another_phase_is_another_paragraph_and_other_settings_are_told():
    other = norm(1, replace(EPSILON, settings=("epsilon 1e-06", "epsilon 0.001")))
    assert "and 1 more like it, some with other settings" in str(replace(DIFFER, culprits=(norm(0), other)))
    assert len(replace(DIFFER, culprits=(norm(0), replace(norm(1), phase="backward"))).groups) == 2


def test_culprits_without_a_cause_are_not_thrown_together_but_are_not_all_shown():
    unknown = tuple(Culprit(f"x{i} | y{i}", "conv", "forward", 0.5) for i in range(9))
    text = str(replace(DIFFER, culprits=unknown))
    assert text.count("no known cause fits; measured") == MOST
    assert f"and {9 - MOST} more culprits" in text


def test_the_worst_quantities_come_first_and_the_text_is_short():
    text = str(HUGE)
    assert f"output/{ROWS + 499}: error" in text.splitlines()[1]
    assert f"and {len(HUGE.failures) - MOST} more quantities differ" in text
    assert len(text.splitlines()) == MOST + 3


@each
def test_printing_shows_everything_of_the_text_but_single_quantities(report):
    out = printed(report)
    assert [line for line in str(report).splitlines()[1:] if "culprit" in line or "next" in line] == [
        line for line in out.splitlines() if line.startswith(("  culprit", "  next"))
    ]
    assert report.verdict in out.replace("\n", " ")
    assert all(note in out for note in report.notes)


def test_the_table_has_the_worst_stages_first_with_what_differs():
    out = printed(replace(DIFFER, findings=(SINGLE, OUTPUT, WRONG, Finding("x/y/z", math.inf, 0.0, problem="lost"))))
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["x/y", "float64/eval"]
    assert "z: lost" in out
    assert "weight at [2, 3]: 1.5 against -2.5" in " ".join(out.split())
    assert f"... and {40 - MOST} more stages" in printed(HUGE)


def test_nan_is_the_worst_there_is():
    nan, large = Finding("float64/a/0", math.nan, 1e-11), Finding("float64/b/0", 1e9, 1e-11)
    report = replace(AGREE, findings=(large, nan))
    assert report.worst() is nan
    assert report.smallest_passing_limit == math.inf


STEPS = {
    "agree": (AGREE, ""),
    "a verified cause": (
        DIFFER,
        "mend one side at norm0 | bn_0 and 52 more like it (a: nn.BatchNorm2d(7, eps=0.001); or b: k",
    ),
    "no partner": (replace(DIFFER, culprits=DIFFER.culprits[53:]), 'pair by hand, as pairs={"extra": "dense_9"}'),
    "a parameter": (
        replace(AGREE, unpaired=("b: conv.bias (parameter)",)),
        'give b: conv.bias (parameter) a partner, or allow=["conv.bias"]',
    ),
    "an unknown cause": (
        replace(DIFFER, culprits=DIFFER.culprits[53:], unpaired=()),
        "look at the code between a | b and c | d: twice as large",
    ),
    "nothing compared": (Report("", ()), "nothing was compared, so nothing is known: see that both sides"),
    "nothing but a problem": (Report("", (WEIRD.findings[1],)), "nothing is known: no slash"),
    "float32 alone": (replace(AGREE, findings=(OUTPUT, replace(SINGLE, error=1.0))), "float64 agrees, so the formula"),
    "quantities alone": (Report("", (OUTPUT, WRONG, SINGLE)), f"look at {WRONG.name} first"),
    "not tested": (replace(AGREE, not_tested=("input 1",)), 'or allow=["input 1"] if it may be without effect'),
}


@pytest.mark.parametrize("case", STEPS)
def test_the_next_step(case):
    report, words = STEPS[case]
    assert words in report.next_step
    assert bool(report.next_step) == (not report.passed) == ("next step: " in str(report))
    assert "\n" not in report.next_step


# --- JSON ------------------------------------------------------------------------------------------------------


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@each
def test_json_is_as_the_schema_says_and_comes_back(report):
    text = json.dumps(report.to_dict(), allow_nan=False)
    jsonschema.validate(json.loads(text), SCHEMA, jsonschema.Draft202012Validator)
    again = Report.from_dict(json.loads(text))
    assert again.to_dict() == report.to_dict()
    assert (again.passed, str(again)) == (report.passed, str(report))
    assert isinstance(again.findings, tuple)


@pytest.mark.parametrize(
    "change", [{"title": 1}, {"findings": None}, {"format": "2"}, {"more": 1}, {"next_step": None}], ids=str
)
def test_the_schema_refuses(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**DIFFER.to_dict(), **change}, SCHEMA, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "parity-trace-1"}, "no report"),
        ({"title": 3}, "damaged.*expected text, came 3"),
        ({"findings": [{"name": "x"}]}, "damaged.*'error' is missing"),
        ({"layers": [{**DIFFER.layers[0].to_dict(), "names": ["one"]}]}, "damaged"),
        ({"findings": [{**WRONG.to_dict(), "index": [math.inf]}]}, "damaged"),
        ({"culprits": {"x": 1}}, "damaged"),
    ],
    ids=str,
)
def test_what_is_no_report_is_refused(change, message):
    with pytest.raises(ReportError, match=message):
        Report.from_dict({**DIFFER.to_dict(), **change})


# --- the page --------------------------------------------------------------------------------------------------

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What is on a page; raises if tags are not nested."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        self.close()
        if self.open:
            raise ValueError(f"{self.open} are not closed")

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise ValueError(f"{tag} closed where another is open")

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def all(self, tag, **wanted):
        attributes = {name.rstrip("_"): value for name, value in wanted.items()}
        return [own for name, own in self.tags if name == tag and attributes.items() <= own.items()]

    def text(self, inside=""):
        return " ".join(data for where, data in self.texts if not inside or inside in where)


@each
def test_a_page_is_well_formed_and_asks_nothing_of_anybody(report):
    text = html(report)
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert not page.all("script")
    assert not [own for _, own in page.tags if own.keys() & {"src", "srcset", "onclick", "style"}]
    assert not re.search(r"https?:|url\(|@import|javascript:", text)
    assert all(own["href"].startswith("#") for _, own in page.tags if "href" in own)
    assert all(int(tag[1]) <= 2 for tag, _ in page.tags if re.fullmatch("h[1-6]", tag))
    assert len(page.all("h1")) == 1
    assert all("scope" in own for own in page.all("th"))
    assert report.verdict in page.text()
    text.encode("utf-8")


def test_a_page_says_all_that_the_report_knows():
    page = Page(html(DIFFER))
    text = page.text()
    for words in (
        DIFFER.title, DIFFER.next_step, "3 of 3", "norm.epsilon", "epsilon 0.001", EPSILON.fixes[0], "norm52 | bn_52",
        "twice as large", "a: extra (dense)", "input 1", "a kink was met", "versions.torch", "2.15.0", "layer_7",
        "nn.Conv2d(3, 7, 3)", WRONG.name, "guilty", "[2, 3]", "-2.5",
    ):  # fmt: skip
        assert words in text, words
    order = [WRONG.name, SINGLE.name, OUTPUT.name]
    places = [text.rindex(words) for words in order]
    assert places == sorted(places), "worst first"
    assert page.all("details")
    assert not [own for own in page.all("details") if "open" in own]


def test_text_of_others_is_text():
    text = html(WEIRD)
    page = Page(text)
    assert page.text("title").startswith(SCRIPT)
    assert SCRIPT in page.text("th")
    assert "\x00" not in text
    assert "\x1b" not in text


def test_figures_that_are_no_numbers_are_drawn_and_written():
    page = Page(html(WEIRD))
    assert "more" in page.text("text"), "beyond the axis"
    places = [float(own[name]) for own in page.all("circle") for name in ("cx", "cy")]
    assert places
    assert all(map(math.isfinite, places))
    marks = page.text("svg")
    assert "forward: ∞" in marks
    assert "backward: 1.00e+300" in marks
    assert "layer0" not in marks, "what was not measured is not drawn"


def test_the_chart_has_every_layer_the_limit_and_the_guilty():
    page = Page(html(DIFFER))
    assert len(page.all("circle", class_="mark forward")) == len(DIFFER.layers) + 1  # and one in the legend
    assert len(page.all("path", class_="mark backward")) == len(DIFFER.layers) + 1
    assert len(page.all("line", class_="limit")) == 2
    first = [float(own["cy"]) for own in page.all("circle")[:10]]
    limit = float(page.all("line", class_="limit")[0]["y1"])
    assert first[8] > limit > first[9], "errors grow upwards, and the limit lies between right and wrong"
    svg = page.all("svg")[0]
    assert svg["role"] == "img"
    assert all(any(own.get("id") == id for _, own in page.tags) for id in svg["aria-labelledby"].split())


def test_the_names_of_guilty_layers_do_not_cover_each_other():
    page = Page(html(DIFFER))
    labels = [data for where, data in page.texts if where[-1:] == ("text",) and data.startswith("norm")]
    places = [(float(own["x"]), float(own["y"])) for own in page.all("text", class_="label")]
    assert len(labels) == len(places) > LABEL_ROWS
    for row in {y for _, y in places}:
        starts = sorted((x, label) for (x, y), label in zip(places, labels, strict=True) if y == row)
        assert all(x + LETTER * len(label) <= after for (x, label), (after, _) in itertools.pairwise(starts))


def test_an_error_of_zero_stands_on_the_floor():
    page = Page(html(AGREE))
    bottom = max(float(own["y1"]) for own in page.all("line", class_="grid"))
    assert float(page.all("circle")[1]["cy"]) == bottom > float(page.all("circle")[0]["cy"])


def luminance(colour):
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["text", "muted", "good", "bad", "forward", "backward"])
def test_colours_stand_out_from_the_ground(theme, name):
    """WCAG 2.2: 4.5 for text, as all of these colour some."""
    palette = dict(re.findall(r"--(\w+): #(\w+)", re.findall(r":root {(.*?)}", html(AGREE), re.DOTALL)[theme]))
    for ground in ("ground", "raised"):
        low, high = sorted(luminance(palette[place]) + 0.05 for place in (name, ground))
        assert high / low >= 4.5


def test_a_page_of_many_quantities_shows_the_worst():
    page = Page(html(HUGE))
    assert f"output/{ROWS + 499}" in page.text("th")
    assert "output/3 " not in page.text("th") + " "
    assert f"{500} more are in the report's JSON" in page.text("p")


def test_a_page_of_several_reports_begins_with_all_of_them():
    page = Page(html(list(REPORTS.values())))
    assert "Parity of 5 comparisons" in page.text("h1")
    ids = [own["id"] for _, own in page.tags if "id" in own]
    assert len(set(ids)) == len(ids)
    assert {own["href"][1:] for own in page.all("a")} <= set(ids)


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "page.html"
    assert DIFFER.save_html(path) == path
    kept = path.read_bytes()
    assert kept.decode("utf-8") == html(DIFFER)

    def full(self, *arguments, **keywords):
        self.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ReportError, match=r"page\.html: cannot be written \(No space left"):
        AGREE.save_html(path)
    assert path.read_bytes() == kept
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("save", ["save_html", "save_json", "save_junit"])
def test_a_folder_is_not_written_over(tmp_path, save):
    with pytest.raises(ReportError, match="cannot be written"):
        getattr(AGREE, save)(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- JUnit -----------------------------------------------------------------------------------------------------


@each
def test_junit_has_a_case_for_each_stage_and_fails_as_the_report_does(report):
    document = ElementTree.fromstring(junit([report, AGREE]).encode())
    assert document.tag == "testsuites"
    suite = document[0]
    cases = suite.findall("testcase")
    assert len(cases) == len(report.stages) + 1
    failed = suite.findall("testcase/failure")
    assert bool(failed) == (not report.passed)
    assert (suite.get("tests"), suite.get("failures")) == (str(len(cases)), str(len(failed)))


@each
def test_junit_is_of_the_common_form(report):
    """The elements and attributes that Jenkins' schema (junit-10.xsd of its xunit plugin) allows and requires."""
    allowed = {
        "testsuites": ({"testsuite"}, {"name", "tests", "errors", "failures", "time"}),
        "testsuite": ({"properties", "testcase"}, {"name", "tests", "errors", "failures", "skipped", "time"}),
        "properties": ({"property"}, set()),
        "property": (set(), {"name", "value"}),
        "testcase": ({"failure"}, {"name", "classname", "time"}),
        "failure": (set(), {"message", "type"}),
    }
    for element in ElementTree.fromstring(junit([report]).encode()).iter():
        children, attributes = allowed[element.tag]
        assert {child.tag for child in element} <= children
        assert set(element.keys()) <= attributes
        assert element.tag != "testsuite" or {"name", "tests", "errors", "failures"} <= set(element.keys())


def test_junit_tells_who_is_at_fault():
    stages = {case.get("name"): case for case in ElementTree.fromstring(junit([DIFFER])).iter("testcase")}
    failure = stages["float64/eval"].find("failure")
    assert "norm0 | bn_0 (norm.epsilon, forward) and 52 more like it" in failure.get("message")
    assert "conv.weight: error 2.50e-01" in failure.text
    assert stages["float32/eval"].find("failure") is None
    assert "no partner: a: extra" in stages["whole report"].find("failure").text


def test_text_of_others_is_text_in_junit():
    suite = ElementTree.fromstring(junit([WEIRD]).encode())[0]
    assert suite.get("name") == SCRIPT + "\ufffd\ufffd"


# --- the command line ------------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["parity", *map(str, arguments)])
        try:
            parity.cli.main()
        except SystemExit as ended:
            return ended.code or 0, *capsys.readouterr()
        raise AssertionError("the command line did not end")

    return run


@each
def test_show_prints_a_kept_report_and_has_its_exit_code(run, tmp_path, report):
    path = report.save_json(tmp_path / "report.json")
    code, out, err = run("show", path)
    assert (code, err) == (report.exit_code, "")
    assert report.verdict in out
    assert report.next_step in out


def test_show_writes_pages_and_xml_of_a_list(run, tmp_path):
    path = tmp_path / "reports.json"
    path.write_text(json.dumps([report.to_dict() for report in REPORTS.values()]))
    code, out, err = run("show", path, "--json", "--html", tmp_path / "page.html", "--junit", tmp_path / "a" / "x.xml")
    assert code == 1
    assert json.loads(out) == json.loads(path.read_text())
    assert "page.html" in err
    assert "Parity of 5 comparisons" in (tmp_path / "page.html").read_text()
    assert len(ElementTree.parse(tmp_path / "a" / "x.xml").getroot()) == 5


def test_run_writes_json_pages_and_xml(run, tmp_path, monkeypatch):
    found = {"lenet": AGREE, "pooling": DIFFER}
    monkeypatch.setattr("parity.suite.pairs", lambda *ids: [(id, None) for id in ids])
    monkeypatch.setattr("parity.suite.report", lambda id, variant, seed: found[id])
    files = "--html", tmp_path / "page.html", "--junit", tmp_path / "x.xml"
    code, out, err = run("run", "lenet", "pooling", "--json", *files)
    assert (code, err.count("\n")) == (1, 2)
    assert [report["title"] for report in json.loads(out)] == [AGREE.title, DIFFER.title]
    assert "Parity of 2 comparisons" in (tmp_path / "page.html").read_text()
    assert len(ElementTree.parse(tmp_path / "x.xml").getroot()) == 2


def test_diff_writes_json_a_page_and_xml(run, tmp_path):
    for name, value in (("a", 1.0), ("b", 1.5)):
        Trace({"float64/eval/output/0": np.array([value])}, {"backend": name}).save(tmp_path / name)
    files = "--html", tmp_path / "page.html", "--junit", tmp_path / "x.xml"
    code, out, _ = run("diff", tmp_path / "a", tmp_path / "b", "--json", *files)
    assert code == 1
    jsonschema.validate(json.loads(out), SCHEMA, jsonschema.Draft202012Validator)
    assert "1.0 against 1.5" in (tmp_path / "x.xml").read_text()
    assert "0.333" in out
    assert Page((tmp_path / "page.html").read_text()).all("h1")


FILES = {
    "damaged.json": "{",
    "other.json": '{"format": "x"}',
    "number.json": "3",
    "binary.json": "\x00",
    "list.json": "[1]",
}


@pytest.mark.parametrize("name", [*FILES, "nowhere.json", "."])
def test_show_refuses_what_is_no_report_in_one_line(run, tmp_path, name):
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    code, out, err = run("show", tmp_path / name)
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"error: {re.escape(str(tmp_path / name))}: .*\n", err)


@pytest.mark.parametrize("option", ["--html", "--junit"])
@pytest.mark.parametrize("command", [["run", "lenet"], ["show", "report.json"], ["diff", "a", "b"]], ids=" ".join)
@pytest.mark.parametrize("file", [".", "report.json/x.html"])
def test_a_file_that_cannot_be_written_is_told_before_the_work(run, tmp_path, monkeypatch, command, option, file):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("parity.suite.report", lambda *arguments: pytest.fail("it began to work"))
    AGREE.save_json("report.json")
    code, out, err = run(*command, option, file)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: .*: cannot be written.*\n", err)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
