# The course's commands; `make` alone lists them. Variables: PYTHON, PORT, IP, NO_BROWSER=1, PYTEST_ARGS, WORKERS, BENCH.

PYTHON ?= python3
WORKERS ?= 3

ifeq ($(OS),Windows_NT)
  VENV_PYTHON := .venv/Scripts/python
else
  VENV_PYTHON := .venv/bin/python
endif

# A PYTHON chosen by the user replaces an environment that another version made; the default keeps what is there.
INSTALL := $(PYTHON) course_utils/build/install.py $(if $(filter file,$(origin PYTHON)),,--this-python)
# Tests are nobody's progress: the empty variable switches the record off. The workers share the cores; BLAS (OpenBLAS)
# and PyTorch (OpenMP) with threads of their own in each of them would only wait for themselves.
TESTS := POLICY_GRADIENT_COURSE_PROGRESS= OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 PYTHONPATH=tests/plugins
PYTEST := $(TESTS) $(VENV_PYTHON) -m pytest -p quick_imports -p share_out -p solved_once -n $(WORKERS)
# The inner loop: `long` tests are what changes with the ground alone, what trains or samples for long, and the hundreds
# of answers to the questions.
INNER := not slow and not long and not browser and not install
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=300

# What these say is for another Python; it would reach the course's own and every kernel.
unexport PYTHONHOME PYTHONPATH PYTHONWARNINGS PYTHONINSPECT PYTHONSTARTUP PYTHONOPTIMIZE PYTHONUSERBASE
# Each of a hundred kernels would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help lab release test test-slow test-processors bench slides screenshots site offline pdf lite format check notebooks constraints clean

help: ## list the commands
	@echo "make lab           open the course in JupyterLab (PORT=9999, NO_BROWSER=1, IP=0.0.0.0, EXTRAS=real for lesson 14)"
	@echo "make test          run all tests (PYTEST_ARGS='-k gae')"
	@echo "make test-slow     run all tests and the slow ones too"
	@echo "make test-processors   run them as other processors would round"
	@echo "make bench         measure the course beside what people would otherwise use (QUICK=1)"
	@echo "make release       pack a problem set for students, without answers (SET=ps1, OUT=release)"
	@echo "make site          build the pages for a browser, into build/site"
	@echo "make offline       pack the pages and the course into one archive, with its checksum"
	@echo "make pdf           print the lessons and the reference, into build/pdf (needs Chromium)"
	@echo "make lite          build the course as JupyterLite, into build/lite"
	@echo "make format        write the code as make check wants it"
	@echo "make check         lint, types and unit tests: the inner loop"
	@echo "make notebooks     build the notebooks that are stale (NOTEBOOKS='00 08', NOTEBOOKS=all)"
	@echo "make slides        make a deck of slides of each lesson in build/slides (SLIDES='00 08')"
	@echo "make screenshots   write pictures of lessons, pages and decks, into build/screenshots (LESSONS='00 08')"
	@echo "make constraints   pin the newest versions that pyproject.toml allows"
	@echo "make clean         remove the environment and the caches"

lab: ## open the course in JupyterLab
	@$(INSTALL) $(if $(EXTRAS),--extras $(EXTRAS))
	@$(VENV_PYTHON) -m course_utils.build lab $(if $(PORT),--port $(PORT)) $(if $(IP),--ip $(IP)) $(if $(NO_BROWSER),--no-browser)

test: ## run all tests
	@$(INSTALL) --extras test
	$(PYTEST) $(NBVAL) -m "not slow" tests notebooks $(PYTEST_ARGS)

test-slow: ## run all tests and the slow ones too
	@$(INSTALL) --extras test
	$(PYTEST) $(NBVAL) tests notebooks $(PYTEST_ARGS)

test-processors: ## run the tests as other processors would
	@$(INSTALL) --extras test
	$(TESTS) $(VENV_PYTHON) tests/processors.py -p share_out -n $(WORKERS) $(NBVAL) $(PYTEST_ARGS)

bench: ## measure the course beside what people would otherwise use
	@$(INSTALL) --extras bench
	$(VENV_PYTHON) tests/bench $(BENCH)

release: ## pack a problem set for students
	@$(INSTALL) --extras build
	$(VENV_PYTHON) -m course_utils.grading release --set $(or $(SET),ps1) --out $(or $(OUT),release)

site: ## build the pages for a browser
	@$(INSTALL) --extras site
	$(VENV_PYTHON) -m course_utils.build site

offline: ## pack the pages and the course into one archive
	@$(INSTALL) --extras site
	$(VENV_PYTHON) -m course_utils.build offline

pdf: ## print the lessons and the reference
	@$(INSTALL) --extras site
	$(VENV_PYTHON) -m course_utils.build pdf

lite: ## build the course as JupyterLite
	@$(INSTALL) --extras build
	$(VENV_PYTHON) -m course_utils.build lite

format: ## write the code as make check wants it
	@$(INSTALL) --extras test
	$(VENV_PYTHON) -m ruff check --fix .
	$(VENV_PYTHON) -m ruff format .

check: ## lint, types and unit tests
	@$(INSTALL) --extras test
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	COURSE_HYPOTHESIS_PROFILE=mutants $(PYTEST) -q -p inner_loop -m "$(INNER)" tests \
	  $(addprefix --ignore=tests/,browser mutants notebooks) $(PYTEST_ARGS)

notebooks: ## build the notebooks that are stale
	@$(INSTALL) --extras build
	$(VENV_PYTHON) -m course_utils.build notebooks $(NOTEBOOKS)

slides: ## make a deck of slides of each lesson
	@$(INSTALL) --extras slides
	$(VENV_PYTHON) -m course_utils.build slides $(SLIDES)

screenshots: ## write pictures of lessons, pages and decks
	@$(INSTALL) --extras test
	$(VENV_PYTHON) tests/browser/screenshots.py $(LESSONS)

constraints: ## pin the newest versions that pyproject.toml allows
	$(PYTHON) -m course_utils.build constraints

clean: ## remove the environment and the caches
	rm -rf .venv build/notebooks.json .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
