# `make demo` runs the main job, `make test` passes the tests; each sets up .venv first if it is not there and current.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.current

.PHONY: demo test test-slow test-site site tables notebooks clean

demo: $(STAMP)
	$(BIN)/dualnet compare lenet --out runs/demo

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --dist loadscope

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# The pages in a browser: Chromium's, or the one that CHROMIUM names.
test-site: $(STAMP)
	BROWSER_TESTS=required $(BIN)/python -m pytest tests/site

# The web site, in build/site; its pages are files that need no server.
site: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --config-file dualnet/site/mkdocs.yml

tables: $(STAMP)
	$(BIN)/python -m tests.readme_tables

# Executes them in place, half an hour for all: make notebooks NAMES="lenet pooling".
notebooks: $(STAMP)
	$(BIN)/python -m tests.notebooks $(NAMES)

# An interrupted set-up leaves .venv/.incomplete behind, and the next one starts over.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "expected Python 3.11, $(PYTHON) is another: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@if [ -e .venv/.incomplete ] || ! $(BIN)/python -c '' 2>/dev/null; then $(PYTHON) -m venv --clear .venv; fi
	@touch .venv/.incomplete
	@echo "setting up .venv with both frameworks (some 7 GB); only the first time"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[all,dev,notebooks,site]'
	@rm .venv/.incomplete
	@touch $(STAMP)

clean:
	rm -rf .venv build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
