# Every task of zchat has one word here; `make help` lists them.
#
#   make run NAME=alice GROUP=CHAT      set up what is missing, build, chat
#   make test                           set up what is missing, test everything
#
# Variables are taken from the command line only: some systems have a NAME in
# their environment. A task that is added needs a `##` comment and its name in .PHONY.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: help setup setup-extras setup-peers build run install test hostile sim scale scale-1000 scale-2000 day bench check format doc documents
.PHONY: licences clean

CARGO_HOME ?= $(HOME)/.cargo
export PATH := $(CARGO_HOME)/bin:$(PATH)

given = $(if $(filter command line,$(origin $(1))),$(value $(1)))
PREFIX ?= /usr/local

# Large worlds read memory all over the place: in large pages it is found in two thirds of the time.
LARGE_PAGES := glibc.malloc.hugetlb=1

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what building needs and this machine lacks
	@.ci/setup build

setup-extras: setup ## install what tests and benches need besides: libzmq
	@.ci/setup extras

setup-peers: setup-extras ## install what the tests need: Pyre, zyre.js, network tools
	@.ci/setup peers
	@tests/peers/install

build: setup ## build the program: target/release/zchat
	@cargo build --release --locked

# One variable for each common option, ARGS for all others: they become the environment variables
# that zchat reads, so that no shell looks at what is in them. Ctrl-C is a way to leave, and no
# error of the task.
run: export ZCHAT_RUN_NAME = $(call given,NAME)
run: export ZCHAT_RUN_GROUP = $(call given,GROUP)
run: export ZCHAT_RUN_INTERFACE = $(call given,INTERFACE)
run: export ZCHAT_RUN_PORT = $(call given,PORT)
run: export ZCHAT_RUN_PEER = $(call given,PEER)
run: setup ## chat: NAME= GROUP= INTERFACE= PORT= PEER= ARGS='further options'
	@cargo build --release --locked --quiet
	@for option in NAME GROUP INTERFACE PORT PEER; do \
	    value="ZCHAT_RUN_$$option"; \
	    if [[ -n "$${!value}" ]]; then export "ZCHAT_$$option=$${!value}"; fi; \
	    unset "$$value"; \
	done; \
	target/release/zchat $(call given,ARGS) || { status=$$?; [[ $$status == 130 ]] || exit $$status; }

install: build ## install the program under PREFIX (/usr/local)
	@install -D -m 755 target/release/zchat "$(DESTDIR)$(PREFIX)/bin/zchat"

test: setup setup-peers ## run every test; TESTS='words' picks some by name
	@tests/run $(call given,TESTS)

hostile: export ZCHAT_HOSTILE_SECONDS := $(or $(call given,SECONDS),60)
hostile: export ZCHAT_HOSTILE_SEED := $(or $(call given,SEED),1)
hostile: setup ## attack a node in a conversation, in any combination: SECONDS= SEED=
	@cargo test --locked --features sim --test hostile -- --exact --nocapture \
	    together::attacks_in_any_combination_one_after_another

sim: export SEED := $(call given,SEED)
sim: export PEERS := $(call given,PEERS)
sim: export SEEDS := $(call given,SEEDS)
sim: export FAULT := $(call given,FAULT)
sim: export LINES := $(call given,LINES)
sim: export GLIBC_TUNABLES := $(LARGE_PAGES)
sim: setup ## run worlds in virtual time: SEED= PEERS= for one of them, SEEDS= for many
	@cargo run --locked --release --quiet --no-default-features --features chat,sim --example simulate

bench: export BENCH := $(call given,BENCH)
bench: export RUNS := $(call given,RUNS)
bench: setup-extras ## measure nodes beside ZeroMQ itself: BENCH= for some of it, RUNS=
	@cargo build --locked --release --quiet --features libzmq --example peer --example mesh --example raw
	@cargo bench --locked --quiet --features libzmq --bench figures

scale: export WORLDS := $(call given,WORLDS)
scale: export CROWDS := $(call given,CROWDS)
scale: export GLIBC_TUNABLES := $(LARGE_PAGES)
scale: setup ## measure worlds of many: WORLDS=200,1000 and CROWDS=100000 choose others
	@cargo run --locked --release --quiet --no-default-features --features chat,sim --example scale

scale-1000: ## a full world of 1,000 hosts: 2 GB of memory, a minute or two
	@$(MAKE) scale WORLDS=1000 CROWDS=none

scale-2000: ## a full world of 2,000 hosts: 11 GB of memory, some minutes
	@$(MAKE) scale WORLDS=2000 CROWDS=none

day: ## twenty-four virtual hours of 200 hosts that roam and sleep: an hour or more; PEERS= for fewer
	@$(MAKE) sim FAULT=day SEED=$(or $(call given,SEED),1) PEERS=$(or $(call given,PEERS),200)

check: setup-extras format licences documents doc ## formats, lints, documents, purity and licences of dependencies
	@cargo clippy --locked --features sim,libzmq --all-targets -- -D warnings
	@cargo clippy --locked --no-default-features --features chat,sim --all-targets -- -D warnings
	@.ci/pure

format:
	@cargo fmt --check

doc: ## the documents of the code, as HTML in target/doc
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --features sim --no-deps --document-private-items

licences:
	@.ci/licences

documents:
	@.ci/documents

clean: ## remove what was built
	@cargo clean
