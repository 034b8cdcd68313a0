# make demo            a real Backstage runs a template through Sidestage; KEEP=1 leaves it running with its web UI
# make test            everything that has to hold
#   make test-rust, test-plugin, test-system    its parts
# make chaos           thousands of runs while everything is killed and cut; CHAOS_PEOPLE=1000
# make bench           what the journal costs a run, what Sidestage adds to a step, how fast templates are checked
# make lint, make fmt  what `make test` says about style; mend what can be mended
# make schemas         writes actions-schema/ and the reference pages anew, after an action or a rule has changed
# make expressions, yaml, backstage-actions   writes down anew what Backstage's own packages say, for the checker's tests
# make screenshots     takes the pictures in docs/images anew
# make clean           removes what was built and installed
#
# Nothing but Rust, a shell and either npm or python3 has to be there: the scripts install the rest into this folder
# (PostgreSQL, Chromium, and Maven for Keycloak: with apt-get), and say what they do.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export PATH := $(CURDIR)/.tools/node/bin:$(CURDIR)/.tools/cargo/bin:$(PATH)
# Passed on to the demo: "make demo KEEP=1" and "KEEP=1 make demo" mean the same.
export KEEP DOOR

plugin := backstage-plugin
sidestage := target/debug/sidestage
title = @printf '\n\033[1m== %s\033[0m\n' '$(1)'

.PHONY: help
help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: demo
demo:
	$(call title,Rust: build)
	cargo build --bin sidestage
	$(call title,Backstage: install)
	scripts/install-backstage.sh $(if $(filter 1,$(KEEP)),--web)
	$(call title,Demo)
	@node tests/demo.ts

.PHONY: test
test: test-rust test-plugin test-system
	$(call title,Everything holds)

.PHONY: test-rust
test-rust:
	scripts/install-postgres.sh >/dev/null
	$(call title,Rust: format)
	cargo fmt --check
	$(call title,Rust: clippy)
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(call title,Rust: tests)
	cargo test --workspace --quiet
	$(call title,Rust: the binary)
	cargo build --quiet --bin sidestage
	$(call title,actions-schema/ is what the binary says)
	$(sidestage) actions schema --check
	$(sidestage) actions reference --check
	$(sidestage) explain --check docs/rules.md
	$(call title,The templates of this repository)
	$(sidestage) check templates
	$(call title,Rust: licences and sources of dependencies)
	scripts/install-cargo-tools.sh
	cargo deny --log-level error check bans licenses sources

# The same test as in test-rust, with many people. CHAOS_SEED=... draws the same faults and kills again.
.PHONY: chaos
chaos: export CHAOS_PEOPLE ?= 1000
chaos:
	$(call title,Chaos: $(CHAOS_PEOPLE) people, faults, kill -9)
	cargo test --workspace --test chaos -- --nocapture

# With an ensure that does not look after a lost answer, chaos must fail: not to compile or to start, but by what it has
# counted.
.PHONY: chaos-broken
chaos-broken: export RUSTFLAGS := --cfg sidestage_broken_ensure
chaos-broken: export CARGO_TARGET_DIR := target/broken
chaos-broken:
	$(call title,Chaos with a broken ensure: it must fail)
	cargo test --workspace --test chaos --no-run
	! cargo test --workspace --test chaos -- --nocapture 2>&1 | tee target/broken/chaos.log
	grep -q '^  unknown to the journal ' target/broken/chaos.log
	grep -q '^chaos: what is counted is not right' target/broken/chaos.log

# Measures, and asserts nothing.
.PHONY: bench
bench:
	scripts/install-postgres.sh >/dev/null
	$(call title,Measure)
	cargo bench --workspace --bench journal --bench service
	$(call title,Measure the checker)
	scripts/install-backstage.sh
	SIDESTAGE_BIN=$(CURDIR)/target/release/sidestage node tests/bench/checker.ts

.PHONY: node
node:
	@scripts/install-node.sh

.PHONY: test-plugin
test-plugin: node
	$(call title,Backstage module: install)
	@source scripts/lib.sh && npm_ci backstage-plugin $(CURDIR)/$(plugin) --ignore-scripts
	$(call title,Backstage module: build)
	cd $(plugin) && npm run --silent build
	$(call title,Backstage module: types)
	cd $(plugin) && npm run --silent typecheck
	$(call title,Backstage module: lint)
	cd $(plugin) && npm run --silent lint
	$(call title,Backstage module: tests)
	cd $(plugin) && npm test --silent

.PHONY: system-install
system-install:
	$(call title,Whole system: install Backstage and Keycloak and a browser)
	cargo build --quiet --bin sidestage
	scripts/install-backstage.sh --web
	scripts/install-keycloak.sh
	scripts/install-browser.sh

# A test that hangs is ended by the time limit; none is measured by it.
node_test := node --test --test-timeout=600000 --test-reporter=spec

.PHONY: test-system
test-system: system-install
	$(call title,Whole system: types and lint of the tests)
	cd tests && npm run --silent typecheck
	cd tests && npm run --silent lint
	$(call title,What nunjitsu makes of expressions is what is written down)
	node tests/expressions/record.ts --check
	$(call title,What the package yaml makes of YAML is what is written down)
	node tests/yaml/record.ts --check
	$(call title,Whole system: real Backstage and a real browser)
	$(node_test) 'tests/system/*.test.ts'

# Writes down anew what nunjitsu makes of the expressions that crates/templates is tested with.
.PHONY: expressions
expressions: node
	@source scripts/lib.sh && npm_ci tests $(CURDIR)/tests --ignore-scripts
	node tests/expressions/record.ts

# Writes down anew what the npm package yaml makes of the texts that crates/templates is tested with.
.PHONY: yaml
yaml: node
	@source scripts/lib.sh && npm_ci tests $(CURDIR)/tests --ignore-scripts
	node tests/yaml/record.ts

.PHONY: schemas
schemas:
	cargo run --quiet --bin sidestage -- actions schema
	cargo run --quiet --bin sidestage -- actions reference
	cargo run --quiet --bin sidestage -- explain --write docs/rules.md

# What Backstage's own actions take and give, from a real one with every official module.
.PHONY: backstage-actions
backstage-actions: node
	scripts/install-backstage.sh
	cd tests/backstage-actions && npm ci --ignore-scripts --loglevel=error
	node tests/snapshot-actions.ts

.PHONY: screenshots
screenshots: system-install
	UPDATE_SCREENSHOTS=1 $(node_test) tests/system/browser.test.ts tests/system/tenancy.test.ts

.PHONY: lint
lint: node
	cargo fmt --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	source scripts/lib.sh && npm_ci backstage-plugin $(CURDIR)/$(plugin) --ignore-scripts && npm_ci tests $(CURDIR)/tests --ignore-scripts
	cd $(plugin) && npm run --silent lint
	cd tests && npm run --silent lint

.PHONY: fmt
fmt: node
	cargo fmt
	source scripts/lib.sh && npm_ci backstage-plugin $(CURDIR)/$(plugin) --ignore-scripts
	cd $(plugin) && npm run --silent fix

.PHONY: clean
clean:
	cargo clean
	rm -rf .tools $(plugin)/node_modules $(plugin)/plugins/*/{node_modules,dist,.test-build}
	rm -rf tests/node_modules tests/backstage/node_modules tests/backstage/frontend/{node_modules,dist}
