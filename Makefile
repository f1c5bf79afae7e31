PYTHON ?= python3
PYTEST = .venv/bin/python -m pytest
lanes = .venv/bin/python -m tests.harness.run_lanes $(1) $(DATABASES) -- $(AGAIN)
DATABASES = postgres sqlite
export PYTHONDONTWRITEBYTECODE =# else every process compiles every file and rewrites every test anew
.DEFAULT_GOAL := help

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

screenshots: ## take the pictures of all pages in docs/screenshots
	@$(PYTHON) deploy/set_up.py test
	@SCREENSHOTS=1 .venv/bin/python -m pytest tests/browser/test_screenshot.py tests/browser/test_admin_pictures.py tests/browser/test_schedules.py -k "screenshot or pictures or everybody" -q

setup: ## create .venv with all that make run, the tests and the linters need
	@$(PYTHON) deploy/set_up.py test

run: ## set up what is missing and start everything (PORT=8000, DATA_DIR=var)
	@$(PYTHON) deploy/set_up.py run
	@exec .venv/bin/python manage.py up

test: ## set up what is missing and run the tests that every change waits for (about 15 minutes on two cores)
	@$(PYTHON) deploy/set_up.py test
	@$(call lanes,push)

test-all: export EDGES = more
test-all: ## all tests, each pool on each database, then the long ones, and on other Pythons (hours; before a release)
	@$(PYTHON) deploy/set_up.py test
	@$(call lanes,all) && .venv/bin/python -m tests.pythons

lint: ## check style, formatting, types, who imports whom, and the browser's code
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/lint-imports && .venv/bin/mypy && .venv/bin/python deploy/lint_browser.py

bench: ## measure speed and memory beside other ways to do it, and write docs/benchmarks.md (half an hour)
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.bench

bench-quick: ## the three main ratios, in a minute
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.bench --quick

figures: ## measure in a browser what readers wait for, and write docs/figures.md (a few minutes)
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.figures $(ARGS)

faults: ## kill everything again and again and look at what is left (ARGS="--faults 1000 --seed 1")
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.faults $(ARGS)

edges: ## ask every address with everything that should not be sent (an hour)
	@$(PYTHON) deploy/set_up.py test
	@EDGES=all $(PYTEST) --timeout=7200 -o faulthandler_timeout=7500 tests/edges

clients: ## drive real clients, from lock files, against a running site, and write docs/clients.md (some minutes)
	@$(PYTHON) deploy/set_up.py test
	@CLIENTS_TABLE=docs/clients.md $(PYTEST) tests/clients/real -q

mutants: ## put faults into a copy of the code, one by one, and see a test find each (ARGS="--only stop --at-once 2")
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.mutants $(ARGS)

schema: ## write docs/openapi.yaml anew, from the code
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn

lock: ## lock what the .in files and package.json ask for (ARGS=--upgrade: newest versions)
	@$(PYTHON) deploy/lock.py $(ARGS)

clean: ## remove what was installed; data in var/ stays
	rm -rf .venv deploy/browser/node_modules

.PHONY: help screenshots setup run test test-all lint bench bench-quick figures faults edges mutants schema lock clean
