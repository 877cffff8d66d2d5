# How otpgate is run and tested. `make` alone says what there is.

MAKEFLAGS += --no-print-directory

.PHONY: help demo test lint bench

help:
	@echo 'make demo    start a small web application with otpgate in front of it'
	@echo 'make test    run every test'
	@echo 'make lint    check format and lints'
	@echo 'make bench   measure the hot path'
	@echo
	@echo 'Each first installs what this machine lacks, or says what to install.'
	@echo 'The first build takes some minutes.'

# Not the release build, which is optimised across all crates: the first try should not wait a quarter of an hour.
demo:
	@scripts/setup.sh build
	cargo run --locked -- demo

# The tests run the binary that cargo builds with them; OTPGATE_BIN names another one, such as the release build.
test:
	@scripts/setup.sh test
	cargo test --locked --no-fail-fast

lint:
	@scripts/setup.sh lint
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

bench:
	@scripts/setup.sh build
	cargo bench
