# Everything a developer or CI does with ordeal. `make help` lists it.

GO      ?= go
BIN     := bin/ordeal
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL    := $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 10s

.DEFAULT_GOAL := help
.PHONY: help build demo demo-failing demo-docker test race fuzz bench gate simulate bench-go lint golden check cases clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the static binary, bin/ordeal
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X github.com/seed-1574e9de/ordeal/internal/cli.version=$(VERSION)' -o $(BIN) ./cmd/ordeal

demo: build ## run scenarios/demo.yaml on the built-in shop: no Docker needed
	$(BIN) run scenarios/demo.yaml

demo-failing: build ## the same shop without retries: must fail
	$(BIN) run scenarios/demo-failing.yaml

demo-docker: build ## the same shop as containers, on a Docker engine
	$(BIN) run scenarios/demo-docker.yaml

# Packages whose tests run whole scenarios, helpers and containers. They have the machine to themselves, one after the
# other, so that they do not take each other's time, and are never answered from go test's cache, which cannot know
# whether an engine is there. A plain go test ./... runs them beside the others; they mind no busy machine, and their
# scripts lift what only a quiet one can hold (relax in internal/cli).
WHOLE  := ./internal/target/nethelper ./internal/cli ./internal/target/container
# verdict/ starts no goroutine, and its histograms take minutes under the race detector: there is nothing to find there.
PURE   := ./verdict
UNITS   = $$($(GO) list ./... | grep -vxF "$$($(GO) list $(WHOLE) $(2))")
# One summary for both: what failed, with its output, and what was skipped, with the reason.
define tests
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg --raw-command -- sh -c '\
	  $(GO) test -json -timeout 10m $(1) $(UNITS); units=$$?; \
	  $(GO) -C tools test -json $(1) ./... || units=$$?; \
	  $(GO) test -json -timeout 10m $(1) -count=1 -p 1 -parallel 4 $(WHOLE) && exit $$units'
endef

test: export CGO_ENABLED = 0
test: ## every test; those that need Docker or root run if they can, and say so if not
	$(call tests)

race: export CGO_ENABLED = 1
race: ## every test but those that only repeat whole scenarios, under the race detector (needs a C compiler)
	@cc=$$($(GO) env CC); command -v "$${cc%% *}" >/dev/null || \
	  { echo "make race needs a C compiler: $$cc was not found. make lint test do without."; exit 1; }
	$(call tests,-race -short,$(PURE))

fuzz: ## every fuzz target for FUZZTIME (10s)
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "fuzz $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg || exit 1; \
	  done; done

ROUNDS  ?= 3
SECONDS ?= 3
RATES   ?= 5000 20000 50000 100000
PARTS   ?= peak open stall distribution overload micro$(if $(MEMORY), memory)
bench: build ## measure ordeal beside wrk, vegeta, hey, k6, bombardier, fortio and plow, and write docs/performance.md: Linux, 13 minutes (PARTS, ROUNDS, SECONDS, RATES; MEMORY=1 adds 5 minutes)
	$(GO) -C tools build -trimpath -o ../.cache/bench/bench ./bench
	.cache/bench/bench -ordeal $(CURDIR)/$(BIN) -source $(CURDIR) -cache $(CURDIR)/.cache/bench -out docs/performance.md \
	  -rounds $(ROUNDS) -seconds $(SECONDS) -rates '$(RATES)' -parts '$(PARTS)'

RUNS    ?= 20
gate: build ## RUNS (20) runs each of a good and a bad target on a machine that stops ordeal all the time, and others: all decided, and alike; some 4 minutes
	$(GO) -C tools build -trimpath -o ../.cache/gate/gate ./gate
	.cache/gate/gate -ordeal $(CURDIR)/$(BIN) -runs $(RUNS)

SIMULATED ?= 500
simulate: ## judge SIMULATED (500) made-up runs whose truth is known, and 200 series of nights, and write how often verdicts are wrong into docs/verdicts.md; some 6 minutes
	$(GO) -C tools build -trimpath -o ../.cache/simulate/simulate ./simulate
	.cache/simulate/simulate -page docs/verdicts.md -runs $(SIMULATED)

bench-go: ## Go benchmarks, with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./...

lint: ## go vet, staticcheck, gofmt
	@bad=$$(gofmt -s -l $$(git ls-files -co --exclude-standard '*.go')); \
	  if [ -n "$$bad" ]; then echo "gofmt -s would change:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(GO) -C tools vet ./...
	$(GO) -C tools tool staticcheck ./...

CASE ?=
cases: build ## run what once went wrong, from outside: testdata/cases (CASE=name for some); some nine minutes
	CGO_ENABLED=0 $(GO) -C tools build -trimpath -ldflags "-s -w" -o ../.cache/cases ./cases
	.cache/cases -ordeal $(CURDIR)/$(BIN) -cases $(CURDIR)/testdata/cases -only '$(CASE)'

golden: ## rewrite the golden files after a deliberate change
	$(GO) test -run 'Good|Bad|Mistakes|Golden|Reference|Schema' ./verdict/rule ./internal/report ./internal/scenario ./internal/planview ./internal/cli -update
	$(GO) -C tools test ./bench -update

check: lint test race ## what CI runs

clean: ## remove what was built; runs stay
	rm -rf bin
