# hall-edge: `make` lists the targets. Everything Python lives in .venv; a second start is instant.
PORT ?= 8080
DATA ?= ./data
PY := .venv/bin/python

.PHONY: help run test bench soak pins clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

run:  ## start the demo hall; PORT=8080 and DATA=./data may be given
	@.ci/venv run
	@exec $(PY) -m edge demo config/demo.toml --port "$(PORT)" --data "$(DATA)"

test: tools  ## lint, types, import contracts, tests
	@.ci/packages chromium fonts-noto-cjk zbar-tools systemd espeak-ng \
		umockdev libumockdev0 gir1.2-umockdev-1.0 python3-gi libusb-1.0-0
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	.venv/bin/lint-imports
	PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: tools  ## measure; not part of `make test`
	$(PY) -m pytest -m bench

soak: tools  ## long runs; not part of `make test`
	$(PY) -m pytest -m soak

pins: tools  ## pin requirements/*.in with hashes into *.txt
	.ci/pins

clean:  ## remove what was built; the data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache shots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: tools
tools:
	@.ci/venv run test
