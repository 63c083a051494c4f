# Needs make and Python >= 3.11 with venv (or uv); nothing of it needs root or a running service.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PORT ?= 8080
VENV := .venv
PY := $(VENV)/bin/python
LAUNCHERS := bin/api bin/worker bin/beat bin/aetheris
MESSAGES := $(addprefix tests/fatal/test_,knocks.py ticks.py drained.py stopped.py side_by_side.py)
export PORT

# What `make bench` compares with, in an environment of its own; npm brings Restate's server where there is npm.
RESTATE := var/peers/node_modules/.bin/restate-server

.PHONY: help build run stop demo clean distclean test test-rabbitmq fatal crashlab bench mutations docs lint vet fmt tidy venv runtime development

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: runtime $(LAUNCHERS) ## the environment from the lock, the database's tables, the launchers in bin/
	@$(PY) manage.py migrate --noinput --verbosity 0
	@echo "Built. Next: make run"

run: build ## start API (PORT=8080), worker and beat in the background; twice is harmless
	@$(PY) -m aetheris_site.stack run

stop: ## stop what `make run` started
	@if [ -x $(PY) ]; then $(PY) -m aetheris_site.stack stop; else echo "Nothing runs: there is no $(VENV)/."; fi

demo: build ## a refund, its approval, a killed worker and the proof, from end to end
	@$(PY) -m aetheris_site.stack demo

test: development ## every test, the engine's on SQLite and on Postgres (ARGS="-k lease" chooses)
	@$(PY) -m tests $(ARGS)

fatal: development ## every crash window, printed, every other fault, and five minutes of chaos (ARGS="--seconds 60")
	@AETHERIS_TEST_OUTAGE_SECONDS=$${AETHERIS_TEST_OUTAGE_SECONDS:-30} $(PY) -m tests.fatal $(ARGS)

crashlab: development ## kill this runtime, and with PEERS=1 others, between an effect and its record
	@if [ -n "$(PEERS)" ] && [ ! -x var/peers/bin/absurdctl ]; then \
		$(PYTHON) -m venv var/peers && \
		var/peers/bin/pip install -qq --disable-pip-version-check -r benchmarks/crashlab/peers/requirements.txt; \
	fi
	@$(PY) -m benchmarks.crashlab $(if $(PEERS),--peers var/peers/bin/python)

bench: development ## our runtime and its peers on the same work, as ratios of one run (ARGS="--quick"; PEERS=0: ours alone)
	@if [ "$(PEERS)" != 0 ] && ! cmp -s benchmarks/peers/requirements.txt var/peers/benchmarks.txt; then \
		echo "Installing what is compared with into var/peers/"; \
		$(PYTHON) -m venv var/peers && \
		var/peers/bin/pip install -qq --disable-pip-version-check -r benchmarks/peers/requirements.txt && \
		cp benchmarks/peers/requirements.txt var/peers/benchmarks.txt; \
	fi
	@if [ "$(PEERS)" != 0 ] && [ ! -x $(RESTATE) ] && command -v npm >/dev/null; then \
		npm install --silent --no-audit --no-fund --prefix var/peers $$(cat benchmarks/peers/npm.txt) || \
		echo "npm could not install Restate's server: it is left out"; \
	fi
	@$(PY) -m benchmarks $(if $(filter-out 0,$(or $(PEERS),1)),--peers var/peers/bin/python) \
		$$([ "$(PEERS)" != 0 ] && [ -x $(RESTATE) ] && echo --restate $(RESTATE)) $(ARGS)

mutations: development ## break a copy of the runtime in every listed way, and see the named test turn red
	@$(PY) -m tests.mutations

test-rabbitmq: development ## the tests of messages on your RabbitMQ (AETHERIS_TEST_RABBITMQ_URL=amqp://…)
	@if [ -z "$$AETHERIS_TEST_RABBITMQ_URL" ]; then \
		echo "Set AETHERIS_TEST_RABBITMQ_URL, e.g. amqp://guest:guest@127.0.0.1:5672//"; exit 1; fi
	@AETHERIS_REQUIRE=rabbitmq $(PY) -m pytest tests/brokers/test_rabbitmq.py $(MESSAGES) $(ARGS)

docs: development ## print the generated pages anew, then check every page
	@$(PY) -m jobs.core.describe state-machine > docs/state-machine.md
	@$(PY) -m jobs.core.describe events docs/event-examples.json > docs/events.md
	@$(PY) -m tests.fatal.windows.table docs/guarantees.md
	@$(PY) -m pytest -q tests/docs/test_docs.py tests/test_docs_generated.py

lint: development ## style, formatting, types, who may import whom, and the step contract of the examples
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m aetheris_site.cli lint examples

vet: lint ## the same as lint

fmt: development ## repair style and formatting
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

tidy: venv ## lock the newest versions that pyproject.toml allows
	@if ! command -v uv >/dev/null; then $(PY) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv; fi
	@PATH="$(VENV)/lock/bin:$$PATH"; \
	lock() { uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links pyproject.toml "$$@"; }; \
	lock -o requirements.lock && lock -c requirements.lock --extra embedded --group dev -o requirements-dev.lock

clean: ## stop everything; remove bin/ and caches
	@if ls bin/*.pid >/dev/null 2>&1; then $(MAKE) stop; fi
	@rm -rf bin build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -path ./var -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## clean, and .venv/ too; asks before it deletes var/, your local database
	@rm -rf $(VENV)
	@if [ -d var ]; then \
		printf 'Delete var/ with the local database and its jobs? [y/N] '; \
		read -r answer || answer=; \
		case "$$answer" in y|Y|yes) rm -rf var; echo "Deleted." ;; *) echo "Kept var/." ;; esac; \
	fi

# --- The environment -------------------------------------------------------------------------------------
# A copy of the lock lies in the environment that was made from it: while both are equal there is nothing to do.

venv:
	@if ! $(PY) -c '' 2>/dev/null; then \
		rm -rf $(VENV); \
		if command -v uv >/dev/null; then uv venv --quiet --python '>=3.11' $(VENV); exit; fi; \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
			{ echo "$(PYTHON) is not Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }; \
		$(PYTHON) -m venv $(VENV) || \
			{ rm -rf $(VENV); echo "$(PYTHON) cannot make an environment; on Debian install python3-venv"; exit 1; }; \
	fi

define install
	@if ! cmp -s $(1) $(VENV)/$(1); then \
		echo "Installing $(1) into $(VENV)/"; \
		if command -v uv >/dev/null; then uv pip install --quiet --python $(PY) --require-hashes -r $(1); \
		else $(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r $(1); fi \
		&& cp $(2) $(VENV)/; \
	fi
endef

runtime: venv
	$(call install,requirements.lock,requirements.lock)

development: venv # its lock holds everything of the other one, at the same versions
	$(call install,requirements-dev.lock,requirements-dev.lock requirements.lock)

# --- The launchers ---------------------------------------------------------------------------------------

COMMAND_api := uvicorn aetheris_site.asgi:application --no-proxy-headers --port "$$PORT"
COMMAND_worker := celery -A aetheris_site worker --loglevel INFO
COMMAND_beat := celery -A aetheris_site beat --loglevel WARNING --pidfile=
COMMAND_aetheris := aetheris_site.cli

define LAUNCHER
#!/bin/sh
# Written by `make build`: runs this checkout from any folder, also through a link. Arguments are passed on.
root=$$(cd "$$(dirname "$$(readlink -f "$$0")")/.." && pwd -P)
export AETHERIS_HOME="$$root" PORT="$${PORT:-8080}" PYTHONPATH="$$root$${PYTHONPATH:+:$$PYTHONPATH}"
exec "$$root/.venv/bin/python" -P -m COMMAND "$$@"
endef
export LAUNCHER

$(LAUNCHERS): bin/%: Makefile
	@mkdir -p bin
	@printf '%s\n' "$$LAUNCHER" | sed 's|COMMAND|$(COMMAND_$*)|' > $@
	@chmod +x $@
