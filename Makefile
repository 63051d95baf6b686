SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# For the tools; an account's own region is the caller's.
REGION ?= $(AWS_DEFAULT_REGION)
REGION := $(REGION)
export AWS_DEFAULT_REGION := us-east-1
export SAM_CLI_TELEMETRY := 0

LOCAL_RACK := target/debug/local-rack
RACK_SECRETS_MANAGER_ENV ?= No
ARCHITECTURE ?= arm64
IMAGES ?= x86_64
ARM := aarch64-unknown-linux-musl
CORPUS ?= ../shared/corpus

.PHONY: help tools build test test-quick test-real corpus load bench lint handlers convox-env demo demo-up demo-web demo-down pictures sam-build sam-local account-check clean-tools

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: .venv/axe/.stamp .venv/emulator/.stamp .venv/postgres/.stamp .venv/sam/.stamp ## install axe, the emulator, a PostgreSQL and the SAM tools, where their requirements changed

# Of the package only axe.min.js is used, which needs no browser of Playwright's.
.venv/axe/.stamp: export PIP_NO_DEPS := 1
.venv/%/.stamp: tests/requirements/%.txt
	@echo "installing .venv/$* ($$(wc -l < $<) Python packages, about 15 to 35 s) ..."
	@python3 -m venv .venv/$* && .venv/$*/bin/pip install --quiet --disable-pip-version-check --requirement $< && touch $@

BUILD_MINUTES := 2 to 4

# The proofs make hundreds of thousands of calls through the SDK: optimized a little they take half of the time, and their build
# takes twice as long. So it is another one, beside that of the demo.
TESTS := test test-quick test-real corpus load bench
$(TESTS): export CARGO_PROFILE_DEV_OPT_LEVEL ?= 1
$(TESTS): BUILD_MINUTES := 8 to 12

build: ## build every binary, unoptimized
	@test -x $(LOCAL_RACK) || echo "building some 400 crates, AWS's SDK among them: $(BUILD_MINUTES) minutes on two cores, once ..."
	cargo build --workspace --bins

# Tests that start processes wait for half of their time, so there are two for each processor.
test: export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
test: tools build ## run all tests; say how many ran, and how much the proofs covered
	@rm -f target/tests-proofs.txt; status=0; cargo test --workspace --no-fail-fast | tee target/tests.log || status=$$?; \
	awk '/^test result/ { ran += $$4 + $$6; failed += $$6 } END { print ran + 0 " tests ran, " failed + 0 " failed" }' \
	  target/tests.log | tee target/tests-summary.txt; cat target/tests-proofs.txt; exit $$status

test-quick: tools ## what a change most likely breaks, in a minute: unit tests, a share of the proofs in memory, promotes
	@cargo test --workspace --lib --quiet
	@EVERY=60 cargo test --workspace --test matrix --quiet -- faults kills pairs
	@cargo test --workspace --test it --quiet -- promote:: layering::

test-real: tools build ## the faults and kills, every case on real processes too: before a release
	REAL=all cargo test --workspace --test matrix -- faults kills --nocapture

corpus: ## compare the loader of convox.yml with Convox's own on a folder of cases (CORPUS=path)
	CORPUS="$(abspath $(CORPUS))" cargo test --quiet -p manifest --test corpus
	CORPUS="$(abspath $(CORPUS))" cargo test --quiet -p release --test reach

load: tools build ## 1,000 promotes of 200 Apps at once, under ECS's rates; `make test` runs a tenth
	LOAD_APPS=200 cargo test --workspace --test matrix -- load --nocapture

bench: tools .venv/bench/.stamp ## measure speed, size and trips of release builds (BENCH="cold promote": these parts only)
	@$(MAKE) --quiet convox-env CONVOX_ENV_FEATURES=test-addresses
	cargo build --quiet --release -p promote -p app-deletion -p failure-count -p process-run
	cargo build --quiet --release -p empty-function
	cargo build --quiet --release -p plan-speed --bins
	@cargo run --quiet -p bench -- $(BENCH)

lint: .venv/sam/.stamp ## check format, lints and the templates, also as SAM transforms them
	cargo fmt --check && cargo lint
	.venv/sam/bin/sam validate --lint
	.venv/sam/bin/python tests/lint_templates.py --templates template.yaml examples/account.yaml examples/ci/role.yaml
	bash -n examples/ci/deploy.sh

handlers: ## renew the table of what CloudFormation calls for Apps' stacks (SCHEMAS=zip or folder, ADD="TYPE ...")
	python3 tests/handler_permissions.py $(SCHEMAS) $(if $(ADD),--add $(ADD))

convox-env: $(if $(filter arm64,$(IMAGES)),.venv/sam/.stamp) ## build the container's entrypoint, static where the musl target is installed (IMAGES=x86_64|arm64)
ifeq ($(IMAGES),arm64)
	PATH="$$PWD/.venv/sam/bin:$$PATH" cargo lambda build --quiet --release --target $(ARM) --package convox-env --bin convox-env
	@echo "static: target/lambda/convox-env/bootstrap"
else
	@musl=x86_64-unknown-linux-musl; if rustup target list --installed | grep -qx $$musl && command -v musl-gcc > /dev/null; then \
	  cargo build --release -p convox-env --features "$(CONVOX_ENV_FEATURES)" --target $$musl && echo "static: target/$$musl/release/convox-env"; \
	else cargo build --release -p convox-env --features "$(CONVOX_ENV_FEATURES)" && \
	  echo "for images with glibc: target/release/convox-env (no $$musl here: rustup target add $$musl, and musl-gcc)"; fi
endif

demo: .venv/emulator/.stamp build ## promote examples/shop and the demo App on this machine, through outages and a deletion, and check it
	@$(LOCAL_RACK) demo

demo-up: .venv/emulator/.stamp build ## leave a Rack running to try an App of one's own (RACK_SECRETS_MANAGER_ENV=Yes|No)
	@$(LOCAL_RACK) up "$(RACK_SECRETS_MANAGER_ENV)"

demo-web: .venv/emulator/.stamp build ## leave the demo App running in two environments, and print where
	@$(LOCAL_RACK) web

demo-down: ## end what demo-up or demo-web left running
	@if test -x $(LOCAL_RACK); then $(LOCAL_RACK) down; else echo "Nothing was built, so no Rack is running."; fi

pictures: .venv/emulator/.stamp build ## make the pictures of docs/images anew, but those drawn by hand (promote.svg, entrance.svg); needs Chromium
	@$(LOCAL_RACK) pictures

sam-build: .venv/sam/.stamp ## build the functions as they are deployed, into .aws-sam (ARCHITECTURE=arm64|x86_64)
	PATH="$$PWD/.venv/sam/bin:$$PATH" sam build --parameter-overrides Architecture=$(ARCHITECTURE)

sam-local: tools build ## invoke every events/*.json with SAM CLI in a container, against the emulator; needs Docker
	@$(LOCAL_RACK) sam-local

account-check: ## look at the account of a Rack, and print what to try there (RACK=name, ENDPOINT=url, REGION=region)
	@cargo build --quiet -p account-check
	@PATH="$$PATH:$$PWD/.venv/emulator/bin" env -u AWS_DEFAULT_REGION target/debug/account-check "$(RACK)" \
	  $(if $(ENDPOINT),--endpoint "$(ENDPOINT)") $(if $(REGION),--region "$(REGION)")

clean-tools: ## remove the installed tools
	rm -rf .venv
