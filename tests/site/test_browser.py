"""The site in a browser, from files as well as from a server: it asks nobody, searches, and fits every screen."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = pytest.mark.slow

PAGES = ["index", "concepts/lenet", "differences", "rosetta", "guide/index", "guide/traces", "api/dualnet.interface"]
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing about what it serves."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def served(site):
    """The address of the site on a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def visit(browser, site):
    """Opens a page, and in the end tells whether it complained or asked for anything elsewhere."""
    contexts, wrong = [], []

    def visit(path, size=WIDE, scheme="light", base=None):
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        contexts.append(context)
        page, base = context.new_page(), base or site.as_uri()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: None if re.match(f"{base}|data:", asked.url) else wrong.append(asked.url))
        page.goto(f"{base}/{path}.html")
        page.wait_for_load_state("networkidle")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_and_no_screen_scrolls_sideways(visit, path, scheme):
    for size in (WIDE, NARROW):
        page = visit(path, size, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.locator("h1").is_visible()


@pytest.mark.parametrize("path", ["index", "concepts/lenet", "rosetta"])
def test_text_stands_out_from_its_ground_in_light_and_dark(visit, path):
    grounds = {}
    for scheme in ("light", "dark"):
        page = visit(path, scheme=scheme)
        ground, text = page.evaluate(
            "() => [document.body, document.querySelector('h1')].map((one, i) =>"
            " getComputedStyle(one)[i ? 'color' : 'backgroundColor'].match(/[\\d.]+/g).slice(0, 3)"
            ".reduce((sum, x) => sum + Number(x), 0) / 765)"
        )
        assert abs(ground - text) > 0.4, (scheme, ground, text)
        grounds[scheme] = ground
    assert grounds["light"] > 0.9
    assert grounds["dark"] < 0.3


@pytest.mark.parametrize("base", ["files", "server"])
def test_the_search_finds(visit, served, base):
    page = visit("index", base=served if base == "server" else None)
    query = page.locator("input.md-search__input")
    for words, found in (
        ("raise_if_failed", "api/parity.report.html"),
        ("LeNet", "concepts/lenet.html"),
        ("cross-entropy of logits", "rosetta.html"),
        ("Flatten after a convolution", "differences.html"),
    ):
        query.clear()
        query.press_sequentially(words)
        page.wait_for_selector(f".md-search-result__link[href*='{found}']")


def test_the_box_above_a_list_filters_it(visit):
    page = visit("rosetta")
    count = page.locator("output.filter")
    assert re.fullmatch(r"(\d+) of \1", count.inner_text())
    page.locator("input.filter").fill("Glorot torch.nn.init")
    shown = page.locator(".entry:visible")
    assert 0 < shown.count() < 20
    assert all("glorot" in text.lower() for text in shown.all_text_contents())
    assert count.inner_text().startswith(f"{shown.count()} of ")
    page = visit("index")
    page.locator("input.filter").fill("lenet")
    assert page.locator("tr.entry:visible").count() == 1
    assert page.locator("section.part:visible").count() == 1


LINES = "all => all.map(one => { const box = one.getBoundingClientRect(); return [box.top, box.left, box.right]; })"


def test_panes_align_where_there_is_room(visit):
    page = visit("concepts/lenet")
    left, right = (page.locator(f".line.{side}").evaluate_all(LINES) for side in ("left", "right"))
    assert len(left) == len(right) > 50
    for one, other in zip(left, right, strict=True):
        assert one[0] == pytest.approx(other[0])
        assert one[2] <= other[1]


def test_panes_stack_on_a_narrow_screen(visit):
    page = visit("concepts/lenet", NARROW)
    left, right = (page.locator(f".line.{side}:visible").evaluate_all(LINES) for side in ("left", "right"))
    assert max(top for top, *_ in left) < min(top for top, *_ in right)
    assert all(start >= 0 and end <= NARROW["width"] for _, start, end in (*left, *right))


def test_lines_that_differ_look_so_and_code_is_highlighted(visit):
    for scheme in ("light", "dark"):
        page = visit("concepts/lenet", scheme=scheme)
        grounds, colours = page.evaluate(
            "() => [['.line.left.differs', '.line.left:not(.differs, .none)', 'backgroundColor'],"
            " ['.line .k', '.line .n', 'color']].map(([one, other, what]) =>"
            " [one, other].map((each) => getComputedStyle(document.querySelector(each))[what]))"
        )
        assert grounds[0] != grounds[1]
        assert colours[0] != colours[1]
