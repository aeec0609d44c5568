# Everything that a checkout needs. `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

# Programs are started by the hundred here: that they are compiled each time would be a third of their start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test long torture fuzz accessibility toolkits node-example environment contract lint docs reference bench wheel clean catalogs

demo: environment
	$(BIN)/rescue demo

test: environment accessibility toolkits node-example lint
	$(PYTEST) -m "not long" $(MEASURED) --cov --cov-report=term:skip-covered
	$(PYTEST) -m "not long" tests $(MEASURED:%=--ignore=%)

# Lines are counted where tests call the code itself; with real programs that would only cost a third of the time.
# More than the two cores that it was sized for: much of the time is waiting for processes to start.
WORKERS ?= 4
MEASURED := tests/unit tests/contract
PYTEST := $(BIN)/python -m pytest -rs -n $(WORKERS) --dist worksteal

# What takes long: whole other projects with the wheel, every example of the documentation, the longer stories, rare paths.
# Their stacks are not shown on the way: that is for tests that hang, and Python can crash while it shows them.
long: environment
	$(PYTEST) -m long --dist load --maxschedchunk 1 -o faulthandler_timeout=0

# The server killed again and again under load, and the history of it judged; slow readers for a minute. SEED=N replays;
# CLUSTER=1 kills the leading server of three, and nodes of their engine.
KILLS ?= 300
torture: environment
	$(BIN)/python -m tests.torture.run --kills $(KILLS) $(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster)
	RESCUE_LONG=1 $(BIN)/python -m pytest tests/torture/test_slow_readers.py --timeout 300

lint: environment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd protos && ../$(BIN)/buf lint
	$(BIN)/zensical build --strict

# Hostile input for longer than `make test` takes it: EXAMPLES of each kind, never the same twice.
EXAMPLES ?= 500
fuzz: environment
	RESCUE_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n auto --dist worksteal --timeout 3600 tests/fuzz

# What the browser tests take from npm; without npm they say that they were skipped.
accessibility: tests/e2e/web/node_modules/.installed
tests/e2e/web/node_modules/.installed: tests/e2e/web/package.json
	mkdir -p $(@D)
	! command -v npm >/dev/null || \
	  (npm install --prefix tests/e2e/web --silent --no-audit --no-fund --no-package-lock && touch $@)

# The SOAP toolkit of Node that reads the WSDL of the public API.
TOOLKITS := tests/e2e/public_api/toolkits
toolkits: $(TOOLKITS)/node_modules/.installed
$(TOOLKITS)/node_modules/.installed: $(TOOLKITS)/package.json
	mkdir -p $(@D)
	! command -v npm >/dev/null || \
	  (npm install --prefix $(TOOLKITS) --silent --no-audit --no-fund --no-package-lock && touch $@)

# What the example of a client for Node takes from npm.
NODE_EXAMPLE := tests/e2e/docs/node
node-example: $(NODE_EXAMPLE)/node_modules/.installed
$(NODE_EXAMPLE)/node_modules/.installed: $(NODE_EXAMPLE)/package.json
	mkdir -p $(@D)
	! command -v npm >/dev/null || \
	  (npm install --prefix $(NODE_EXAMPLE) --silent --no-audit --no-fund --no-package-lock && touch $@)

# The stamp is as new as pyproject.toml, so that a changed dependency is installed at the next call.
environment: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --group dev --editable .
	touch $@

# Compile the contract again, with the compiler that pyproject.toml pins.
contract: environment
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m grpc_tools.protoc -I protos --python_out=protos --grpc_python_out=protos \
	  --mypy_out=quiet:protos --mypy_grpc_out=quiet:protos protos/rescue_protos/v1/*.proto
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m grpc_tools.protoc -I server --python_out=server \
	  --mypy_out=quiet:server server/rescue_server/replicated/etcd/etcd.proto

# Compile the catalogs of texts (common/rescue_common/locale) after a change of a .po file.
catalogs: environment
	$(BIN)/python tools/build_catalogs.py

# The documents as a site, in site/. A link to a page or heading that does not exist is an error.
docs: environment
	$(BIN)/zensical build --strict

# Our server and a bare grpc.aio server in turn: ONLY=fanout measures what has this word in its name. RUNS of each.
RUNS ?= 3
bench: environment
	$(BIN)/python -m benchmarks $(if $(ONLY),"$(ONLY)") --runs $(RUNS) $(if $(DOCS),--docs && $(BIN)/python docs/generate.py)

# The parts of the documents that are made from the code, and the code blocks that are files.
reference: environment
	$(BIN)/python docs/generate.py

# The project is on no registry: this makes dist/rescue_emulator-VERSION-py3-none-any.whl, which pip installs.
wheel: environment
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) tests/e2e/web/node_modules $(TOOLKITS)/node_modules build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
