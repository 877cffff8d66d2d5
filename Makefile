# How otpgate is run and tested. `make` alone says what there is.

# Where cargo builds; the tests of the release binary look for it there.
export OTPGATE_BIN := $(abspath $(or $(CARGO_TARGET_DIR),target))/release/otpgate

MAKEFLAGS += --no-print-directory

.PHONY: help demo test lint bench release test-binaries

help:
	@echo 'make demo    start a small web application with otpgate in front of it'
	@echo 'make test    run every test'
	@echo 'make lint    check format and lints'
	@echo 'make bench   measure the hot path'
	@echo
	@echo 'Each first installs what this machine lacks, or says what to install.'
	@echo 'The first release build takes some minutes.'

demo:
	@scripts/setup.sh build
	cargo run --release -- demo

# The last step of the release build keeps one core busy; the test binaries are built beside it.
test:
	@scripts/setup.sh test
	@$(MAKE) -j2 release test-binaries
	cargo test --no-fail-fast

release:
	cargo build --release --bin otpgate

test-binaries:
	cargo test --no-run

lint:
	@scripts/setup.sh lint
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

bench:
	@scripts/setup.sh build
	cargo bench
