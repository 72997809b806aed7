# Everything from a fresh clone: Python 3.10 to 3.12 and make are all it takes.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?=
ARGS ?=

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
SYSTEM_LIBRARIES := libgl1 libglib2.0-0 libegl1 libgles2
BROWSER := chromium

.PHONY: help demo test check fuzz kills bench train sbom clean
.DEFAULT_GOAL := help

help:  ## Show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 12

demo: $(VENV)/.product  ## Install, and analyse the sample interview into echodepth-out/
	$(BIN)/echodepth analyse sample_videos/interview.mp4 --out echodepth-out/interview --force
	@echo "Open echodepth-out/interview/report.html in a browser."

test: $(VENV)/.dev $(VENV)/.browser  ## Install, and run all tests
	$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

fuzz: $(VENV)/.dev  ## Try thousands of broken and hostile inputs (ARGS='--minutes 60 --seed 7')
	$(BIN)/python -m tests.hostile.fuzz $(ARGS)

kills: $(VENV)/.dev  ## Kill hundreds of analyses at random moments (ARGS='--kills 300')
	$(BIN)/python -m tests.hostile.kills $(ARGS)

check: $(VENV)/.dev  ## Lint, format, types, direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev  ## Measure speed against bare decoding and the usual script (needs ffmpeg)
	@if ! command -v ffmpeg >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends ffmpeg; \
	fi
	$(BIN)/python -m benchmarks.speed --stages $(ARGS)

train: $(VENV)/.dev  ## Train the Action Unit model again (needs ../shared/data; takes hours)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,training]'
	$(BIN)/python -m models.training $(ARGS)

sbom: $(VENV)/.product  ## Write build/echodepth.cdx.json: what is installed, in CycloneDX
	@mkdir -p build
	@$(BIN)/python -m venv $(VENV)-sbom
	@$(VENV)-sbom/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
	  --constraint constraints.txt 'cyclonedx-bom>=7,<8'
	$(VENV)-sbom/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml \
	  --output-reproducible --output-format JSON --output-file build/echodepth.cdx.json

clean:  ## Remove the environment, caches and outputs
	rm -rf $(VENV) $(VENV)-sbom build dist echodepth-out .mypy_cache .pytest_cache .ruff_cache \
	  .import_linter_cache .hypothesis node_modules

# A python that can make environments; the names on PATH may be shims that lead nowhere.
define FIND_PYTHON
for candidate in $(or $(PYTHON),python3.11 python3.12 python3.10 python3 python \
    /usr/bin/python3.1[0-2] /usr/local/bin/python3.1[0-2] \
    "$$HOME"/.pyenv/versions/3.1[0-2].*/bin/python); do \
  if "$$candidate" -c "import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))" \
      >/dev/null 2>&1; then python="$$candidate"; break; fi; \
done
endef

$(BIN)/python:
	@$(FIND_PYTHON); \
	if [ -z "$$python" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv; \
	  $(FIND_PYTHON); \
	fi; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.10 to 3.12 with venv found; install one (apt-get install python3-venv)," \
	    "or name it: make PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	echo "Environment in $(VENV) from $$($$python --version) ($$python)"; \
	"$$python" -m venv $(VENV)

$(VENV)/.product: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@$(CHECK_SYSTEM_LIBRARIES)
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@$(CHECK_SYSTEM_LIBRARIES)
	@touch $@ $(VENV)/.product

# OpenCV and MediaPipe need system libraries that no wheel carries.
define CHECK_SYSTEM_LIBRARIES
load="$(BIN)/python -c 'import cv2; from mediapipe.python.solutions import face_mesh'"; \
if ! eval "$$load" >/dev/null 2>&1; then \
  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    apt-get update -qq; apt-get install -y -qq --no-install-recommends $(SYSTEM_LIBRARIES); \
  fi; \
  if ! eval "$$load" >/dev/null 2>&1; then \
    echo "OpenCV or MediaPipe lacks a system library; as root: apt-get install $(SYSTEM_LIBRARIES)" >&2; \
    eval "$$load" 2>&1 | tail -n 1 >&2; \
    exit 1; \
  fi; \
fi
endef

# The browser is for the tests of the report only; without it they are skipped and say so.
$(VENV)/.browser: | $(BIN)/python
	@if ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq; \
	  apt-get install -y -qq --no-install-recommends $(BROWSER) \
	    || echo "No browser could be installed; the browser tests will be skipped." >&2; \
	fi
	@touch $@
