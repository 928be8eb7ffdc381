# Landform's commands. Needs Python 3.11 or newer and make; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# A stamp carries the hash of what was installed, so an unchanged file costs nothing.
RUNTIME := $(VENV)/.runtime-$(shell cat requirements-build.txt requirements.txt | sha256sum | cut -c1-16)
COMMAND := $(VENV)/bin/landform
# What sending traces needs; an installation without traces does without.
OTEL := $(VENV)/.otel-$(shell cat requirements-otel.txt | sha256sum | cut -c1-16)
DEV := $(VENV)/.dev-$(shell cat requirements-dev.txt requirements-otel.txt | sha256sum | cut -c1-16)
CHECKOV := .venv-checkov/.done-$(shell cat requirements-checkov.txt | sha256sum | cut -c1-16)
# The Python client and the command of people, which need nothing of the server.
CLIENT := docs/sdk/python
SOURCES := app workers sandbox migrations tests wsgi.py $(CLIENT)
# The other tests of the engine are about processes and the volume, slow, and the same on any database.
DATABASE_TESTS := $(filter-out tests/services/engine, $(wildcard tests/services/*)) tests/api \
  $(addprefix tests/leaves/, test_db.py test_db_outages.py) \
  $(addprefix tests/services/engine/, test_life_cycle.py test_drift.py test_control.py) \
  $(addprefix --ignore=tests/api/, test_schemathesis.py test_openapi.py openapi/test_documentation.py \
    test_conventions.py test_injection.py)
# Judged by Terraform with the other checks: fmt, validate.
MODULE_TESTS := tests/catalog/test_modules.py
# What of them `make test` runs: what a database could do otherwise, and one life from end to end.
DATABASE_CORE := tests/services/engine/test_life_cycle.py::test_a_network_is_created_with_its_state_on_the_volume \
  tests/leaves/test_db.py $(addprefix tests/services/, installation/test_migrations.py test_at_once.py \
    schedules/test_settings.py audit_trail/test_trail.py) \
  $(addprefix tests/api/, test_create.py test_lists.py test_idempotency.py)
ON_POSTGRESQL = $(DATABASE_CORE)
# One more than there are cores: tests of Terraform wait a good deal.
PARALLEL := -n $(shell echo $$(($$(nproc) < 4 ? $$(nproc) + 1 : 4))) --dist loadfile --no-loadscope-reorder
PRESENT = $(wildcard $(SOURCES))
DOCUMENTS = $(wildcard $(addsuffix *.md, ./ docs/ docs/adr/ docs/operations/ docs/sdk/ $(CLIENT)/ docs/sdk/typescript/ terraform/))
# One width; cells of tables are not padded, so that a change of one changes one line.
MARKDOWN = $(RUN) -m mdformat --wrap 120 --number --compact-tables
TYPED = $(wildcard app workers sandbox wsgi.py $(CLIENT)/landform_client)

# Neither another virtual environment nor the caller's Python settings may leak in.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE VIRTUAL_ENV PIP_USER PIP_TARGET
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test test-thorough test-postgresql test-one page profile bench rehearse-restore pictures sdk check check-lint check-types check-layers check-tree check-modules check-modules-security check-security format pins clean install install-otel install-dev

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(COMMAND) ## Start everything: Redis, web, workers, scheduler, sandbox cloud. Ctrl-C stops it
	@LANDFORM_ENV="$${LANDFORM_ENV:-demo}" exec $(RUN) -m workers.supervisor

test: check ## Run every check and every test that does not take long
	@$(RUN) -m pytest $(PARALLEL) -m "not thorough" --ignore=$(MODULE_TESTS) $(PYTEST_ARGS)
ifeq ($(PYTEST_ARGS),)
	@$(MAKE) --no-print-directory test-postgresql
endif

test-thorough: $(DEV) ## Run the tests that take long, those of the database on PostgreSQL, of state on S3
	@$(RUN) -m pytest $(PARALLEL) -m thorough $(PYTEST_ARGS)
ifeq ($(PYTEST_ARGS),)
	@$(MAKE) --no-print-directory test-postgresql ON_POSTGRESQL='$(DATABASE_TESTS)'
	@$(RUN) -m pytest -q $(PARALLEL) --state-backend=s3 tests/services/engine tests/services/state/test_retention.py
endif

test-postgresql: $(DEV) ## Run the core of the tests that use the database on PostgreSQL
	@if $(RUN) -m tests.postgresql; then \
	  $(RUN) -m pytest -q $(PARALLEL) -m "not thorough" --database=postgresql $(ON_POSTGRESQL); fi

test-one: $(DEV) ## Run one file or test at once: make test-one TEST=tests/domain/test_names.py
	@$(RUN) -m pytest -q $(TEST)

page: $(DEV) ## Ask for one page in this process: make page PAGE=/stacks
	@$(RUN) -m tests.page $(PAGE) $(PAGE_ARGS)

profile: $(DEV) ## Say where the time of one page goes: make profile PAGE=/stacks
	@$(RUN) -m tests.page $(PAGE) --profile $(PAGE_ARGS)

bench: $(DEV) ## Measure, and write docs/benchmarks.md
	@$(RUN) -m tests.bench $(BENCH_ARGS)
	@$(MARKDOWN) docs/benchmarks.md

rehearse-restore: $(COMMAND) ## Back up, damage, verify, restore into an empty home, compare
	@sh deploy/rehearse-restore.sh build/rehearsal-$$(date +%Y%m%d-%H%M%S)

pictures: $(DEV) ## Photograph the console's main pages into docs/images
	@$(RUN) -m tests.pictures

sdk: $(DEV) ## Make the clients of the API in build/sdk: Python, TypeScript, Go, Java
	@$(RUN) -m tests.sdk

check: $(DEV) ## Format, lint, types, layers, templates, Terraform modules, security, SBOM
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target \
	  check-types check-lint check-layers check-tree check-modules check-security

check-lint: $(DEV)
	@$(RUN) -m ruff check --quiet $(PRESENT)
	@$(RUN) -m ruff format --check $(PRESENT)
	@$(MARKDOWN) --check $(DOCUMENTS) || { echo 'Run `make format`.'; exit 1; }

check-types: $(DEV)
	@$(RUN) -m mypy $(TYPED)

check-layers: $(DEV)
	@$(RUN) -m tests.checks.layers

check-tree: $(DEV)
	@$(RUN) -m tests.checks.house_rules
	@$(RUN) -m tests.checks.size_budget
	@$(RUN) -m tests.checks.templates
	@$(RUN) -m tests.checks.foreign_paths
	@$(RUN) -m tests.checks.operation_types
	@$(RUN) -m tests.checks.plain_words
	@$(RUN) -m tests.checks.mirror
	@$(RUN) -m tests.checks.migrations

check-modules: $(DEV)
	@$(RUN) -m pytest -q -p no:cacheprovider -m "not thorough" $(MODULE_TESTS)

# In an environment of its own, which `make check` does without: a hundred packages for one report.
check-modules-security: $(DEV) $(CHECKOV) ## Search the newest modules for weaknesses with checkov; exceptions have reasons
	@mkdir -p build
	@BC_SKIP_MAPPING=TRUE .venv-checkov/bin/checkov --directory terraform/blueprints --skip-path versions \
	  --framework terraform --quiet --compact --soft-fail --output json > build/checkov.json
	@$(RUN) -m tests.checks.module_security build/checkov.json

$(CHECKOV): requirements-checkov.txt
	@echo 'Installing the packages of requirements-checkov.txt into .venv-checkov (once) ...'
	@$(PYTHON) -m venv --clear .venv-checkov
	@.venv-checkov/bin/pip install --quiet --require-hashes --no-deps --no-build-isolation -r requirements-build.txt
	@.venv-checkov/bin/pip install --quiet --require-hashes --no-deps --no-build-isolation -r requirements-checkov.txt
	@touch $@

check-security: $(DEV)
	@$(RUN) -m bandit --quiet --configfile pyproject.toml --recursive $(TYPED)
	@mkdir -p build
	@$(RUN) -W ignore -m cyclonedx_py requirements --output-reproducible --validate \
	  --pyproject pyproject.toml requirements.txt --output-file build/sbom.cdx.json

format: $(DEV) ## Format the Python code and the documents, and fix what ruff can fix
	@$(RUN) -m ruff check --fix $(PRESENT)
	@$(RUN) -m ruff format $(PRESENT)
	@$(MARKDOWN) $(DOCUMENTS)

# Keeps the versions that are pinned already, unless an .in file asks for others.
# Leaves out a grammar that jsonschema would build in each process that starts, 2 s long, for formats
# that only the extra of a tool's dependency asks for.
PIN := uv pip compile --quiet --native-tls --universal --python-version 3.11 --generate-hashes \
  --no-emit-package rfc3987-syntax --custom-compile-command 'make pins'
pins: $(DEV) ## Pin what requirements*.in name and what it needs, with the hashes of every platform's files
	@for name in requirements-build requirements requirements-dev requirements-checkov; do \
	  $(VENV)/bin/$(PIN) $$name.in --output-file $$name.txt || exit 1; done
	@$(VENV)/bin/$(PIN) requirements-otel.in --constraint requirements-dev.txt --output-file requirements-otel.txt

clean: ## Remove .venv and caches; var/ (state, database) stays
	rm -rf $(VENV) .venv-checkov build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

install: $(COMMAND) ## Install what running needs into .venv
install-otel: $(COMMAND) $(OTEL) ## Install what sending traces needs into .venv
install-dev: $(COMMAND) $(DEV) ## Install what testing needs into .venv

# Shows one line a package; the marker file carries pip's failure through the pipe. The pins are
# complete, as tests/checks/test_requirements.py says, so nothing else is installed, and nothing whose
# hash is not in the file. What is built is built with the pinned setuptools, not with the newest.
define pip_install
rm -f $(VENV)/.failed; { $(RUN) -m pip install --require-hashes --no-deps --no-build-isolation \
  -r $(1) 2>&1 || touch $(VENV)/.failed; } | \
  sed -u -e '/^Requirement already satisfied/d' -e '/^Looking in/d' -e '/^Ignoring .*: markers/d'; test ! -e $(VENV)/.failed
endef

$(RUNTIME): requirements-build.txt requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Landform needs Python 3.11 or newer as "$(PYTHON)": install python3, or name another one with make PYTHON=/path/to/python3.' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo 'Landform needs the venv module of "$(PYTHON)": install it with apt-get install python3-venv.' >&2; exit 1; }
	@$(RUN) -m pip --version >/dev/null 2>&1 || { \
	  echo 'Creating $(VENV) ...'; $(PYTHON) -m venv --clear $(VENV); }
	@echo 'Installing the packages of requirements.txt into $(VENV) (once, a minute or two) ...'
	@$(call pip_install,requirements-build.txt)
	@$(call pip_install,requirements.txt)
	@rm -f $(VENV)/.runtime-* && touch $@

# Finds its checkout from where it lies, also through a link from /usr/local/bin; -P keeps a folder
# named app in the caller's own folder out of the way. What administers the server is part of it;
# everything else is the command of the client package, which knows nothing of the server.
define COMMAND_TEXT
#!/bin/sh
self=$$0
[ -L "$$self" ] && self=$$(readlink -f "$$self")
root=$$(cd "$$(dirname "$$self")/../.." && pwd)
case "$${1-}" in
  accounts|agreements|audit|backup|blueprint|keys|openapi|state)
    echo "landform $$1 is called landform admin $$1 now; the old name goes with version 2." >&2
    set -- admin "$$@" ;;
esac
if [ "$${1-}" = admin ]; then
  PYTHONPATH="$$root" exec "$$root/.venv/bin/python" -P -m app.cli "$$@"
fi
PYTHONPATH="$$root/docs/sdk/python" exec "$$root/.venv/bin/python" -P -m landform_client "$$@"
endef
export COMMAND_TEXT

$(COMMAND): Makefile | $(RUNTIME)
	@printf '%s\n' "$$COMMAND_TEXT" > $@ && chmod 755 $@

$(OTEL): $(RUNTIME) requirements-otel.txt
	@echo 'Installing the packages of requirements-otel.txt into $(VENV) (once) ...'
	@$(call pip_install,requirements-otel.txt)
	@rm -f $(VENV)/.otel-* && touch $@

$(DEV): $(RUNTIME) $(OTEL) requirements-dev.txt
	@echo 'Installing the packages of requirements-dev.txt into $(VENV) (once) ...'
	@$(call pip_install,requirements-dev.txt)
	@rm -f $(VENV)/.dev-* && touch $@

# On how many hosts the campaign runs; more than one are namespaces, which takes Linux and root.
HOSTS ?= 1
.PHONY: campaign
campaign: $(DEV) ## Kill processes at random for 40 minutes at most and check every promise; then the matrix on AWS. HOSTS=3 for faults of hosts
	@$(RUN) -m tests.campaign --hosts $(HOSTS) $(CAMPAIGN_ARGS)
ifeq ($(HOSTS),1)
	@$(RUN) -m pytest -q -m thorough tests/aws
endif
