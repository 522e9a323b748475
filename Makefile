# `make help` lists the targets. Logic lives in scripts/ and in the `postrider` command, not here.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CARGO ?= cargo
# RELEASE=1 builds and runs optimised programs: the way to run the stack for real.
PROFILE = $(if $(RELEASE),--release)
# The operator command. Built by `programs`, so that nothing compiles silently here.
POSTRIDER = $(CARGO) run -q $(PROFILE) --bin postrider --

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- servers

.PHONY: services services-down
services: ## Start this checkout's private Postgres and RabbitMQ (.run/, ports from PORT_BASE)
	@scripts/services.sh up
services-down: ## Stop exactly these servers; their data stays
	@scripts/services.sh down

# --- checks

.PHONY: lint fmt deny test test-unit proto check-gen check-deploy fuzz-api openapi
lint: ## Format check, clippy, structure check, cargo-deny when installed
	@scripts/lint.sh
fmt: ## Format all Rust code
	$(CARGO) fmt --all
deny: ## Check licences, bans and sources of dependencies
	$(CARGO) deny check bans licenses sources
test: ## All tests, against real Postgres and RabbitMQ
	@scripts/test.sh
test-unit: ## Only tests that need no server and no other process
	$(CARGO) nextest run --workspace --lib
check-deploy: programs ## Check docker-compose.yml and deploy/ against the programs; needs no engine and no cluster
	@scripts/deploy-tools.sh
	$(CARGO) nextest run -p postrider-deploy
fuzz-api: programs ## Generated requests for every operation of /openapi.json, by schemathesis (minutes; EXAMPLES=50)
	@scripts/fuzz-api.sh
openapi: ## Write docs/openapi.json from what the services say (starts a stack of its own)
	@scripts/services.sh up > /dev/null
	POSTRIDER_WRITE_OPENAPI=1 $(CARGO) nextest run -p postrider-e2e -E 'test(the_document_describes)'
proto: ## Generate crates/contracts/src/gen from proto/
	$(CARGO) run -q --bin xtask -- proto
check-gen: ## Fail if the generated code is not current
	$(CARGO) run -q --bin xtask -- proto --check

# --- the product (settings from `.env` and the environment, see .env.example)

.PHONY: programs run up small down migrate doctor token bench logs health reset gmail-sync-deleted gmail-sync-full
programs: # The first build takes minutes: cargo's own progress is shown.
	@$(CARGO) build --bins $(PROFILE)
run: programs ## Demo: servers, simulated Gmail and all services; shows a mail arriving; Ctrl-C stops all
	@$(POSTRIDER) run
up: programs ## Start the stack in the background, wait until it is ready, print URLs and a token; RELEASE=1 for real use
	@$(POSTRIDER) up
small: programs ## The same as one process with Postgres alone beside it, for a handful of mailboxes; RELEASE=1 for real use
	@$(POSTRIDER) all-in-one
down: ## Stop the stack and the private servers
	@$(POSTRIDER) down
migrate: programs ## Bring every schema up to date: DATABASE_URL, or the private server
	@$(POSTRIDER) migrate
doctor: programs ## Look at the whole installation and say what it lacks, line by line
	@$(POSTRIDER) doctor
token: ## Print a client token: TENANT=… USER_ID=…
	@$(POSTRIDER) token $(if $(TENANT),--tenant '$(TENANT)') $(if $(USER_ID),--user '$(USER_ID)')
bench: ## Measure the stack beside its bare limits
	@scripts/services.sh up > /dev/null
	@$(CARGO) build --release --bins
	@$(CARGO) run -q --release --bin postrider-bench -- $(or $(BENCH),all)
logs: ## Follow the logs of the running stack
	@$(POSTRIDER) logs
health: ## Ask every service whether it is ready
	@$(POSTRIDER) health
reset: ## Stop everything and delete all local data of this checkout; asks on a terminal, unless YES=1
	@$(POSTRIDER) reset $(if $(YES),--yes)
gmail-sync-deleted: ## Look for deleted mails now: USER_EMAIL=…
	@$(POSTRIDER) gmail-sync-deleted $(if $(USER_EMAIL),--user-email '$(USER_EMAIL)')
gmail-sync-full: ## Sync a mailbox in full, without a cap, with progress: USER_EMAIL=…
	@$(POSTRIDER) gmail-sync-full $(if $(USER_EMAIL),--user-email '$(USER_EMAIL)')
