PYTHON ?= python3
# Three processes share the tests; those of one module stay together. What may not run beside others comes after them.
PYTEST = .venv/bin/python -m pytest
PARALLEL = -n 3 --dist loadscope --no-loadscope-reorder -m "not alone"
# What failed while three shared the machine is tried once more by itself: a real fault fails again, a wait that was too
# short on a full machine does not. Both are printed. Exit code 1: tests have failed; others are no reason to go on.
ALONE = $(PYTEST) --last-failed --last-failed-no-failures=none -m "not alone"
try = { $(PYTEST) $(PARALLEL) $(1) || { [ $$? = 1 ] && echo "Once more, by itself, what has failed:" && $(ALONE) $(1); }; }
.DEFAULT_GOAL := help

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

screenshots: ## take the pictures of all pages in docs/screenshots
	@$(PYTHON) deploy/set_up.py test
	@SCREENSHOTS=1 .venv/bin/python -m pytest tests/browser/test_screenshot.py tests/browser/test_admin_pictures.py tests/browser/test_schedules.py -k "screenshot or pictures or everybody" -q

run: ## set up what is missing and start everything (PORT=8000, DATA_DIR=var)
	@$(PYTHON) deploy/set_up.py run
	@exec .venv/bin/python manage.py up

test: ## set up what is missing and run all tests
	@$(PYTHON) deploy/set_up.py test
	@$(call try,) && $(PYTEST) -m alone && $(call try,--database=postgres) && $(PYTEST) -m alone --database=postgres

test-matrix: ## as test, with each pool on each database (half an hour)
	@$(PYTHON) deploy/set_up.py test
	@$(call try,--matrix) && $(PYTEST) -m alone && $(call try,--matrix --database=postgres) && $(PYTEST) -m alone --database=postgres

lint: ## check style, formatting and who imports whom
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/lint-imports

bench: ## measure speed and memory beside other ways to do it, and write docs/benchmarks.md (half an hour)
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.bench

bench-quick: ## the three main ratios, in a minute
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.bench --quick

faults: ## kill everything again and again and look at what is left (ARGS="--faults 1000 --seed 1")
	@$(PYTHON) deploy/set_up.py test
	@.venv/bin/python -m tests.faults $(ARGS)

edges: ## ask every address with everything that should not be sent (an hour)
	@$(PYTHON) deploy/set_up.py test
	@EDGES=all $(PYTEST) --timeout=7200 tests/edges

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

.PHONY: help screenshots run test lint bench bench-quick faults edges mutants schema lock clean
