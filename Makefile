# A thin front: each target is one line of another tool. `make` alone lists them.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
export BL_JOBS := $(JOBS)
export FUZZ_SECONDS

.DEFAULT_GOAL := help
.PHONY: help build demo test test-lanes lint format bench bench-core bench-nats bench-memory bench-backtest bench-http bench-grpc bench-edge bench-flow docs-check fuzz readiness \
	install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

build: ## build the release binary, build/release/beamline
	@tools/bootstrap build
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS) --target beamline

demo: ## set up this machine, build, and show real requests being decided
	@tools/bootstrap build
	@tools/demo

test: ## every test that a contributor needs, at most 10 minutes on 2 cores
	@tools/bootstrap test
	@tools/run-tests

test-lanes: ## ThreadSanitizer, the second compiler, coverage
	@tools/bootstrap heavy
	@tools/run-lanes

lint: ## both compilers without warnings, format, clang-tidy, house rules
	@tools/bootstrap heavy
	@tools/lint

format: ## format all C sources in place
	@tools/bootstrap heavy
	@git ls-files -co --exclude-standard -- '*.c' '*.h' | xargs -r clang-format -i

bench: bench-core bench-backtest bench-nats bench-http bench-grpc bench-edge bench-flow bench-memory ## all benchmarks

bench-core: ## the decision and the codecs, in process
	@tools/run-bench core
	@tools/run-bench bytes

bench-backtest: ## recorded decisions, made again by two policies
	@tools/run-bench backtest

bench-memory: ## resident memory over ten million decisions
	@tools/run-bench memory

bench-nats: ## over a real nats-server, against a responder that does nothing
	@tools/run-bench nats

bench-http: ## decisions over HTTP/1.1, against nginx returning a constant
	@tools/run-bench http

bench-grpc: ## decisions over gRPC, against an nghttp2 server that does nothing
	@tools/run-bench grpc

bench-edge: ## start to ready, and memory of idle connections
	@tools/run-bench edge

bench-flow: ## pushed requests, from the request to the usage record
	@tools/run-bench flow

fuzz: ## every fuzz target for FUZZ_SECONDS (60) seconds
	@tools/bootstrap heavy
	@tools/evidence run --as 'make fuzz' X7-fuzz -- tools/run-fuzz

docs-check: build ## run every command of the documentation
	@tools/evidence run --as 'make docs-check' docs-check -- tools/check-docs

readiness: ## write docs/READINESS.md and docs/PERFORMANCE.md from the evidence
	@tools/performance
	@tools/readiness

install: build ## install below PREFIX (/usr/local)
	@cmake --install build/release --prefix '$(PREFIX)'

clean: ## remove everything that was built (.deps and node_modules stay)
	@rm -rf build
