# hijackd: make help lists what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

GO ?= go
PACKAGES ?= ./...
WITH := deploy/surroundings/with.sh
TOOL := deploy/surroundings/tool.sh

# The seed of random property tests, the same on every run: what a change breaks is what it changed. 0 draws one.
RAPID_SEED ?= 1
export RAPID_SEED
CHECKS ?= 2000

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: build
build: ## build bin/hijackd, static, and bin/hijackd-engine
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/hijackd ./cmd/hijackd-engine

.PHONY: engine
engine: ## fetch libchdb, on which the embedded ClickHouse engine runs, into the cache folder
	@deploy/surroundings/fetch.sh engine

.PHONY: demo
demo: build engine ## run the demo: everything embedded, with simulated traffic and attacks
	bin/hijackd demo

.PHONY: test
test: ## run all tests against a real Kafka and the real ClickHouse engine
	$(WITH) $(GO) test -count=1 -timeout 15m $(PACKAGES)

.PHONY: test-long
test-long: ## run the tests that take longer, too
	$(WITH) $(GO) test -count=1 -timeout 40m -tags long $(PACKAGES)

.PHONY: soak
soak: ## run the packages with random property tests on new seeds, CHECKS=2000 stories each
	@tests=$$(git grep -l --untracked pgregory.net/rapid -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|'); \
	$(WITH) env RAPID_SEED=0 RAPID_CHECKS=$(CHECKS) $(GO) test -count=1 -timeout 4h $(or $(filter-out ./...,$(PACKAGES)),$$tests)

.PHONY: race
race: ## run all tests under the race detector (needs a C compiler)
	$(WITH) env CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 30m $(PACKAGES)

.PHONY: bench
bench: ## send a million events through Kafka, hijackd and the engine, and measure
	$(WITH) $(GO) test -count=1 -timeout 30m -tags bench -run TestMillion -v ./cmd/hijackd/spine

.PHONY: flood
flood: ## hold a forged flood of a million tokens within the limits, and measure
	HIJACKD_FLOOD=$${HIJACKD_FLOOD:-1000000} $(GO) test -count=1 -timeout 60m -tags long -run TestForgedFlood -v ./actions

.PHONY: latency
latency: ## measure the time from event to webhook under load, with ClickHouse healthy, frozen and killed
	$(WITH) $(GO) test -count=1 -timeout 30m -tags bench -run TestLatency -v ./cmd/hijackd/spine

.PHONY: eval
eval: ## measure detection on a million simulated sessions and write docs/evaluation.md
	$(GO) run ./cmd/hijackd-eval -write $(EVAL)
	$(GO) run ./cmd/hijackd-eval -quick -write

.PHONY: eval-quick
eval-quick: ## show what a change of a rule does to detection; fails if a bound is violated
	$(GO) run ./cmd/hijackd-eval -quick $(EVAL)

.PHONY: lint
lint: ## run golangci-lint
	$(TOOL) golangci-lint run $(PACKAGES)

.PHONY: fmt
fmt: ## format the Go files
	gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

.PHONY: vuln
vuln: ## look for known vulnerabilities that the code reaches
	$(TOOL) govulncheck $(PACKAGES)

.PHONY: generate
generate: ## write the generated files again
	$(GO) generate $(PACKAGES)

.PHONY: clean
clean: ## remove what was built; the cache folder stays
	rm -rf bin
