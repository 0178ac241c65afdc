"""Every block of code in the guide is executed, and prints what it says.

A Python block with a title is a file; one without is run, and a comment behind ``print(...)`` is what it prints. Each
line of a shell block ends with the exit code that its comment names, or 0.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dualnet.site

GUIDE = Path(dualnet.site.__file__).parent / "pages" / "guide"
ROOT = GUIDE.parents[3]
BLOCK = re.compile(r'^```(\w+)(?: title="([\w.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^ *print\(.*\)  # (.*)$", re.MULTILINE)
PAGES = {path.stem: BLOCK.findall(path.read_text()) for path in sorted(GUIDE.glob("*.md"))}


def slow(page):
    """What starts processes that load a framework each."""
    return any(language == "sh" for language, *_ in PAGES[page])


@pytest.fixture
def folder(both, tmp_path, monkeypatch):
    """Where the files of the guide are, with the frameworks that it takes for granted."""
    for blocks in PAGES.values():
        for _, title, code in blocks:
            if title:
                (tmp_path / title).write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    yield tmp_path
    sys.modules.pop("models", None)


def test_every_block_is_of_a_known_kind():
    assert {language for blocks in PAGES.values() for language, *_ in blocks} == {"python", "sh"}
    assert all(path.read_text().count("```") == 2 * len(PAGES[path.stem]) for path in GUIDE.glob("*.md"))


@pytest.mark.timeout(900)  # of the slow ones: up to five processes, one after another
@pytest.mark.parametrize("page", [pytest.param(p, marks=pytest.mark.slow) if slow(p) else p for p in PAGES])
def test_the_code_runs_and_prints_what_it_says(page, folder, capsys):
    names = {}
    for language, title, code in PAGES[page]:
        if language == "sh":
            run(code)
        elif not title:
            exec(compile(code, f"{page}.md", "exec"), names)
            if expected := PRINTED.findall(code):
                assert capsys.readouterr().out.splitlines() == expected


def run(code):
    for line in code.splitlines():
        command, _, code = line.partition("  # exit code ")
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        assert done.returncode == int(code or 0), f"{command}\n{done.stdout}\n{done.stderr}"
