# One gate for people and CI. `make demo` and `make test` work on a machine with
# nothing but Python 3.11 and its venv module.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
INSTALLED := $(VENV)/.installed
TOOLS ?= .tools
RIVALS ?= .rivals
BENCH ?=

.PHONY: help install demo test test-all test-ray check bench rivals lock sbom audit clean

help:
	@echo "make demo       install, then a phantom cohort from training to scores"
	@echo "make test       install, then the fast tests"
	@echo "make test-all   the slow tests as well, with coverage"
	@echo "make test-ray   those of --engine ray, in an environment of their own"
	@echo "make check      style, types, walls between folders"
	@echo "make bench      speed beside plain PyTorch and other packages; BENCH=--quick is short"
	@echo "make lock       choose the newest versions that setup.cfg allows, with hashes"
	@echo "make sbom       what is installed, as CycloneDX: sbom.json"
	@echo "make audit      ask for known vulnerabilities of it; needs a connection"
	@echo "make clean      remove what these made"

install: $(INSTALLED)

# Only what requirements.lock names, and only if its bytes are those that were locked.
$(INSTALLED): requirements.lock setup.cfg setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $(INSTALLED)

demo: install
	rm -rf $(DEMO)
	$(BIN)/hierclf phantom --out $(DEMO)/cohort --cases 400 --seed 0
	$(BIN)/hierclf train --data $(DEMO)/cohort --healthy healthy --ordered \
		--stages stage1,stage2,stage3 --costs recall --out $(DEMO)/run
	$(BIN)/hierclf phantom --out $(DEMO)/ward --cases 60 --seed 1
	$(BIN)/hierclf sweep --bundle $(DEMO)/run/bundle --data $(DEMO)/ward \
		--rule "sensitivity>=0.95" --out $(DEMO)/sweep
	$(BIN)/hierclf evaluate --bundle $(DEMO)/run/bundle --data $(DEMO)/ward \
		--out $(DEMO)/evaluation
	$(BIN)/hierclf score --bundle $(DEMO)/run/bundle --input $(DEMO)/ward/scans \
		--out $(DEMO)/scores.csv
	$(BIN)/hierclf explain --bundle $(DEMO)/run/bundle --input $(DEMO)/ward \
		--limit 12 --random-networks 0 --out $(DEMO)/maps
	@echo
	@echo "Everything above is phantom: it shows that the software works, no more."
	@echo "Look at  $(DEMO)/run/report.html      models compared, cut point, limits"
	@echo "         $(DEMO)/sweep/sweep.html     every cut point on another cohort"
	@echo "         $(DEMO)/evaluation/report.html"
	@echo "         $(DEMO)/scores.csv           one row for each scan"
	@echo "         $(DEMO)/maps/explain.html    where the evidence lies"

test: install
	$(BIN)/python -m pytest -n 2 -m "not slow and not gpu"

test-all: install
	$(BIN)/python -m pytest -n 2 -m "not gpu" --cov=hierclf --cov-report=term:skip-covered

# Ray is not locked, and brings what changes pandas: not into the other environment.
test-ray:
	$(MAKE) VENV=$(VENV)-ray install
	$(VENV)-ray/bin/python -m pip install --quiet "ray[data]>=2.51"
	$(VENV)-ray/bin/python -m pytest -m ray

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/numpydoc lint $$(git ls-files 'hierclf/*.py')

bench: install
	$(BIN)/python -m benchmarks --environments $(RIVALS) $(BENCH)

# Packages that we are timed beside, each in an environment of its own. Without it they
# are left out of the table.
rivals: install
	$(PYTHON) -m venv $(RIVALS)/aucmedi
	$(RIVALS)/aucmedi/bin/python -m pip install --quiet aucmedi
	for name in ttach timm; do \
		$(PYTHON) -m venv $(RIVALS)/$$name && \
		$(RIVALS)/$$name/bin/python -m pip install --quiet $$name timm torch torchvision \
		|| exit 1; done

$(TOOLS)/.installed:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet uv cyclonedx-bom pip-audit
	touch $@

lock: $(TOOLS)/.installed
	$(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade \
		--extra dev --generate-hashes --no-annotate --no-header \
		--output-file requirements.lock setup.cfg

sbom: install $(TOOLS)/.installed
	$(TOOLS)/bin/cyclonedx-py environment $(BIN)/python --output-file sbom.json

audit: $(TOOLS)/.installed
	$(TOOLS)/bin/pip-audit --disable-pip --require-hashes --requirement requirements.lock

clean:
	rm -rf $(VENV) $(VENV)-ray $(TOOLS) $(DEMO) .pytest_cache .mypy_cache .ruff_cache *.egg-info
