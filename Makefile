# The one way in: every command that builds, runs or checks webipc. `make` alone lists them; continuous integration calls nothing else.
# Each slow step leaves a stamp, so that a second run repeats only what changed.

PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

VENV := .venv
BIN := $(VENV)/bin
CLIENT := js-client
PYTHON_READY := $(VENV)/.installed
CLIENT_READY := $(CLIENT)/node_modules/.installed
BUNDLE := $(CLIENT)/dist/client.js
PACKAGES := dist/.built

SERVER_SOURCES := $(shell find server static -type f -not -name '*.pyc' 2>/dev/null)
CLIENT_SOURCES := $(shell find $(CLIENT)/src -type f 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup build run test lint types vectors test-python test-client fuzz stress test-browser test-packaging browser redis fmt dist image bench picture \
	clean need-python need-node

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(PYTHON_READY) $(CLIENT_READY) ## install what is needed to work on both halves, into .venv and js-client/node_modules

build: $(BUNDLE) ## build the browser's half into js-client/dist

run: $(PYTHON_READY) $(BUNDLE) ## build, then serve the demo with reload
	$(BIN)/webipc dev examples/demo/main.py

test: lint types test-python test-client test-browser test-packaging ## check everything: lint, types, vectors, Python, client, browser, packages

lint: setup ## ruff and eslint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd $(CLIENT) && npm run --silent lint

types: setup ## mypy and tsc, both as strict as they go
	$(BIN)/mypy
	cd $(CLIENT) && npm run --silent types

# The vectors are part of the two suites below, which `make test` runs whole; this is the short way when only the format is being worked on.
vectors: setup ## only the tests that both languages share
	$(BIN)/pytest -m "not browser and not packaging" -k vector
	cd $(CLIENT) && npm test --silent -- $$(cd test && grep -rlw --include='*.test.ts' vectors *)

test-python: setup build redis ## the Python tests
	$(BIN)/pytest -m "not browser and not packaging"

test-client: setup build ## the TypeScript tests
	cd $(CLIENT) && npm test --silent

# `make test` reads a bounded number of inputs from a fixed seed; this takes new seeds.
fuzz: setup ## read hostile input with every decoder of both languages until Ctrl-C, and print what is read wrongly
	@$(BIN)/python -m tests.fuzz & python=$$!; trap "trap - EXIT; kill $$python; exit" INT TERM EXIT; \
	cd $(CLIENT) && node --import tsx test/fuzz/endless.ts

# `make test` runs the short form of each scenario from a fixed seed; this takes a new seed, and lasts as long as it is told.
stress: setup build browser redis ## pages against a network, a server and a deploy that fail (ARGS='--seed 5 --scenario deploy --minutes 10')
	$(BIN)/python -m tests.stress $(ARGS)

test-browser: setup build browser redis ## the tests that drive a real browser
	$(BIN)/pytest -m browser

test-packaging: setup $(PACKAGES) ## install the wheel and the npm package elsewhere and use them there
	$(BIN)/pytest -m packaging

browser: $(PYTHON_READY) ## install Chromium, Firefox, WebKitGTK, their drivers, nginx and Caddy where they are missing (root, apt-get)
	@$(BIN)/python -m tools.install_browser chromium firefox webkit
	@$(BIN)/python -m tools.install_proxies nginx caddy

redis: $(PYTHON_READY) ## install Redis, and `ip` for network namespaces, where they are missing (root, apt-get)
	@$(BIN)/python -m tools.install_redis

fmt: setup ## format the Python files
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

dist: $(PACKAGES) ## wheel, sdist and npm tarball into dist/

image: ## build the container image of the demo, webipc-demo, with Docker or buildah
	@if docker info >/dev/null 2>&1; then docker build -t webipc-demo .; \
	elif command -v buildah >/dev/null; then buildah build --format docker -t webipc-demo .; \
	else echo "webipc's image needs a running Docker, or buildah on PATH (on Debian: apt-get install buildah)" >&2; exit 1; fi

bench: setup build ## measure everything against its peers, and print the tables (some twenty minutes; ARGS='--only B3' for less)
	$(BIN)/python -m benchmarks $(ARGS)

picture: setup build browser ## make the picture of the README, docs/pictures/demo.png, from the demo (a minute)
	$(BIN)/python -m tools.make_picture

clean: ## remove everything that the other commands made
	rm -rf $(VENV) dist build $(CLIENT)/LICENSE $(CLIENT)/dist $(CLIENT)/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		benchmarks/.venv benchmarks/build benchmarks/node/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

need-python:
	@test -n "$(PYTHON)" || { echo "webipc needs Python 3.11 or newer: none of python3.11, python3, python3.12, python3.13, python3.14 is one (apt-get install python3 python3-venv; or make PYTHON=/path/to/python)" >&2; exit 1; }

need-node:
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null || { echo "webipc's client needs Node 20 or newer on PATH; found: $$(node --version 2>/dev/null || echo none)" >&2; exit 1; }
	@command -v npm >/dev/null || { echo "webipc's client needs npm on PATH (it comes with Node; on Debian: apt-get install npm)" >&2; exit 1; }

$(PYTHON_READY): pyproject.toml | need-python
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e ".[dev]"
	@touch $@

$(CLIENT_READY): $(CLIENT)/package-lock.json | need-node
	cd $(CLIENT) && npm ci --no-audit --no-fund
	@touch $@

$(BUNDLE): $(CLIENT_READY) $(CLIENT_SOURCES) $(CLIENT)/*.mjs $(CLIENT)/tsconfig.json $(CLIENT)/tsconfig.build.json
	cd $(CLIENT) && npm run --silent build
	@touch $@

$(PACKAGES): $(PYTHON_READY) $(BUNDLE) $(SERVER_SOURCES) $(CLIENT)/package.json pyproject.toml hatch_build.py README.md LICENSE
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	cp LICENSE $(CLIENT)/LICENSE
	cd $(CLIENT) && npm pack --silent --pack-destination ../dist
	@touch $@
