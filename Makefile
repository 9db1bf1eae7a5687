# The developer's interface: make run, make check, make test. `.ci/run` does the last two in a fresh environment.

PYTHON ?= python3
LOCKER ?= pip-compile
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
PACKAGE := setup.cfg pyproject.toml

# Hashes are checked for everything that is fetched; the package itself is installed without dependencies.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCK := $(LOCKER) --quiet --generate-hashes --allow-unsafe --no-strip-extras --no-header --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: run install install-dev check format test lock clean

# The demo answers without any upstream; a working key and a line to paste are printed.
run: install
	$(BIN)/python -m gateway serve --demo --port $(PORT)

install: $(VENV)/run.stamp

install-dev: $(VENV)/dev.stamp

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# The stamps: an install is repeated only when what it depends on has changed.
$(VENV)/run.stamp: requirements/run.txt $(PACKAGE) | $(BIN)/python
	$(PIP) --require-hashes -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	$(PIP) --require-hashes -r requirements/dev.txt
	touch $@

check: install-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Many tests wait most of their time, so more run at once than there are cores; those that measure run alone after them.
# The coverage gate (setup.cfg) is for both together. With WORKERS=0 all tests run one after the other.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
test: install-dev install-agents install-programs
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone" \
		--cov --cov-report= --cov-fail-under=0
	$(BIN)/python -m pytest -m alone --cov --cov-append --cov-report=term

# The agents and SDKs that tests/agents runs: npm packages beside their lock file, Python packages in a venv of their own.
.PHONY: install-agents
install-agents: install-dev
	$(BIN)/python -m tests.agents.installation

# The servers that tests run and PyPI does not carry, unpacked from Debian's packages where they are not installed.
.PHONY: install-programs
install-programs: install-dev
	$(BIN)/python -m tests.debian

# The fault tests, with what they measure kept for docs/reliability.md.
.PHONY: reliability
reliability: install-dev install-programs
	$(BIN)/python -m pytest --record-figures -m case
	$(BIN)/python -m docs.generate

# Half an hour of everything that can go wrong; the verdict is the exit status (docs/reliability.md).
MINUTES ?= 30
.PHONY: soak
soak: install-dev
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

# The gateway before real servers: gigabytes, and minutes (tests/upstreams/README.md). SERVER=mlx runs that one.
SERVER ?=
.PHONY: test-upstreams
test-upstreams: install-dev
	$(BIN)/python -m tests.upstreams.installation $(SERVER)
	$(BIN)/python -m pytest -k "$(SERVER)" tests/upstreams/check_*.py

# The pinned files are written from setup.cfg; needs pip-tools.
lock:
	$(LOCK) --output-file requirements/run.txt pyproject.toml requirements/build.in
	$(LOCK) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt \
		pyproject.toml requirements/build.in
	$(LOCK) --extra otel --extra postgresql --extra redis --constraint requirements/dev.txt \
		--output-file requirements/service.txt pyproject.toml
	$(LOCK) --output-file requirements/agents.txt requirements/agents.in
	$(LOCK) --extra bench --constraint requirements/run.txt --output-file requirements/bench.txt \
		pyproject.toml requirements/build.in

clean:
	rm -rf $(VENV) .venv-agents .venv-peers benchmarks/results .debian tests/*/node/node_modules build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.*

# The documentation's tables that follow from the code; a test fails when they are stale.
.PHONY: docs
docs: install
	$(BIN)/python -m docs.generate

# Counts of instructions, calls and memory against benchmarks/cost.json: the same on every machine.
.PHONY: check-cost cost-baseline
check-cost: install
	$(BIN)/python -m benchmarks.cost

cost-baseline: install
	$(BIN)/python -m benchmarks.cost --update

# Codec and translation by themselves, without a socket.
.PHONY: bench-micro
bench-micro: install-dev
	$(BIN)/python -m pytest --benchmark-columns=min,median,ops --benchmark-sort=name benchmarks/micro_*.py

# The gateway beside nginx and the bare mock, in turns: some minutes on two cores. BENCH passes options on.
BENCH ?=
SUITE := PATH="$$PATH:$(CURDIR)/.debian/usr/sbin" $(BIN)/python -m benchmarks.load.suite
.PHONY: bench bench-compare bench-quick install-bench
bench: install-bench install-programs
	$(MAKE) --no-print-directory -C benchmarks/load
	$(SUITE) $(BENCH)
	$(BIN)/python -m benchmarks.load.processes

# The same for other bridges, whose figures need less load and more time; installed where nothing else sees them.
# open-responses-server answers a request that is not streamed with null, so that there is nothing to measure.
bench-compare: install-bench install-programs .venv-peers/stamp
	$(MAKE) --no-print-directory -C benchmarks/load
	PATH="$$PATH:$(CURDIR)/.venv-peers/bin" $(SUITE) --gateways gateway,litellm --runs 1 --scenarios burst,short,whole $(BENCH)
	PATH="$$PATH:$(CURDIR)/.venv-peers/bin" $(SUITE) --gateways gateway,open-responses-server --runs 1 --scenarios burst,short \
		$(BENCH)

.venv-peers/stamp: benchmarks/load/peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	touch $@

bench-quick: install
	$(BIN)/python -m benchmarks.translation
	$(BIN)/python -m benchmarks.routing
	$(BIN)/python -m benchmarks.limits

install-bench: $(VENV)/bench.stamp

$(VENV)/bench.stamp: requirements/bench.txt $(VENV)/run.stamp
	$(PIP) --require-hashes -r requirements/bench.txt
	touch $@

# The gateway as a service of this machine, or below DESTDIR; as a Debian package, in dist/.
DESTDIR ?=
.PHONY: install-systemd deb
install-systemd: install
	config/systemd/install "$(DESTDIR)"

deb: install
	config/debian/build dist

# Ten rolling restarts of two instances behind nginx at 300 requests a second: some minutes. REQUESTS=100000 for more.
REQUESTS ?= 0
.PHONY: rolling-restarts
rolling-restarts: install-dev install-programs
	$(BIN)/python -m tests.faults.rolling --requests $(REQUESTS)
