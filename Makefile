# A fresh machine needs python3, git and make; everything else is set up here.
UV := .boot/bin/uv
RUN := .venv/bin
DATA ?= ../shared/data
# Programs of each set in bench-verify, mutants of each solution, runs of each function.
SAMPLE ?= 120
MUTANTS ?= 0
RUNS ?= 10
ORDERS ?= 4
PEERS ?= 9

.PHONY: help demo test test-slow test-ray test-local check format bench bench-verify bench-evaluate \
	bench-models clean

help:
	@echo "make demo       set up and run the main job on the built-in engine"
	@echo "make test       set up and run the tests (under 10 minutes on 2 cores)"
	@echo "make test-slow  the slow suites, of SUITES="tests/cli ..." if given"
	@echo "make test-ray   the tests of the Ray executor, in an environment of their own"
	@echo "make test-local the tests of local weights, in an environment of their own"
	@echo "make check      format, lint, types"
	@echo "make bench      repair and sandbox benchmarks (DATA=$(DATA))"
	@echo "make bench-verify  what the stages find, miss and cost; SAMPLE=0 is all"
	@echo "make bench-models  recorded completions: best-of-N beside codegrad; overhead"
	@echo "make bench-evaluate  grading beside the benchmarks' own evaluators; scale"

$(UV):
	@echo "setting up uv in .boot"
	@python3 -m venv .boot
	@.boot/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.11,<0.14"

.venv/.ready: pyproject.toml uv.lock | $(UV)
	@echo "setting up the environment in .venv (once)"
	@$(UV) sync --quiet --frozen
	@touch $@

demo: .venv/.ready
	@$(RUN)/codegrad demo

test: .venv/.ready
	$(RUN)/python -m pytest -n 2 -m "not slow"

test-slow: .venv/.ready
	$(RUN)/python -m pytest -n 2 -m slow $(SUITES)

.venv-ray/.ready: pyproject.toml uv.lock | $(UV)
	@echo "setting up the environment with Ray in .venv-ray (once)"
	@UV_PROJECT_ENVIRONMENT=.venv-ray $(UV) sync --quiet --frozen --extra ray
	@touch $@

test-ray: .venv-ray/.ready
	.venv-ray/bin/python -m pytest -m ray

.venv-local/.ready: pyproject.toml uv.lock | $(UV)
	@echo "setting up the environment with llama.cpp in .venv-local (once)"
	@UV_PROJECT_ENVIRONMENT=.venv-local $(UV) sync --quiet --frozen --extra local
	@touch $@

test-local: .venv-local/.ready
	.venv-local/bin/python -m pytest -m local

check: .venv/.ready
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy

format: .venv/.ready
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

bench: .venv/.ready
	$(RUN)/python -m codegrad.bench.sandbox_cost
	$(RUN)/python -m codegrad.bench.repair quixbugs --data $(DATA)
	$(RUN)/python -m codegrad.bench.repair humanevalfix --data $(DATA)

bench-verify: .venv/.ready
	$(RUN)/python -m codegrad.bench.verify_bugs bugs --data $(DATA)
	$(RUN)/python -m codegrad.bench.verify_bugs bugs --data $(DATA) --peers $(PEERS)
	$(RUN)/python -m codegrad.bench.verify_bugs alarms --data $(DATA)
	$(RUN)/python -m codegrad.bench.verify_bugs soft --data $(DATA) \
		--sample $(SAMPLE) --peers $(PEERS)
	$(RUN)/python -m codegrad.bench.verify_mutants --data $(DATA) --sample $(MUTANTS)
	$(RUN)/python -m codegrad.bench.growth --runs $(RUNS)
	$(RUN)/python -m codegrad.bench.stage_cost --data $(DATA)
	$(RUN)/python -m codegrad.bench.proof_reach

bench-models: .venv/.ready
	$(RUN)/python -m codegrad.bench.pool $(wildcard $(DATA)/pool_humaneval_*.gz) \
		--dataset humaneval+ --data $(DATA)/HumanEvalPlus.jsonl.gz --orders $(ORDERS)
	$(RUN)/python -m codegrad.bench.pool $(DATA)/pool_humaneval_qwen25coder7b.jsonl.gz \
		--dataset humaneval+ --data $(DATA)/HumanEvalPlus.jsonl.gz --orders $(ORDERS) \
		--width 3 --also frugal
	$(RUN)/python -m codegrad.bench.pool $(DATA)/pool_humaneval_qwen25coder7b.jsonl.gz \
		--dataset humaneval+ --data $(DATA)/HumanEvalPlus.jsonl.gz --orders $(ORDERS) \
		--width 4 --also frugal --start $(DATA)/humanevalfix_dev.jsonl.gz
	$(RUN)/python -m codegrad.bench.pool $(wildcard $(DATA)/pool_mbppplus_*.gz) \
		--dataset mbpp+ --data $(DATA)/MbppPlus.jsonl.gz --orders $(ORDERS)
	$(RUN)/python -m codegrad.bench.pool $(wildcard $(DATA)/pool_livecodebench_*.gz) \
		--dataset livecodebench --data $(DATA)/livecodebench_dev.jsonl.gz \
		--accepted $(DATA)/right_lcb_dev.jsonl.gz --orders $(ORDERS)
	$(RUN)/python -m codegrad.bench.accepted --data $(DATA)
	$(RUN)/python -m codegrad.bench.overhead

bench-evaluate: .venv/.ready
	$(RUN)/python -m codegrad.bench.evaluate_bench --data $(DATA) --only humaneval
	$(RUN)/python -m codegrad.bench.evaluate_bench --data $(DATA) --only humaneval+
	$(RUN)/python -m codegrad.bench.evaluate_bench --data $(DATA) --only mbpp+ --sets recorded
	$(RUN)/python -m codegrad.bench.agreement --data $(DATA)
	$(RUN)/python -m codegrad.bench.evaluate_scale --data $(DATA)

clean:
	rm -rf .venv .venv-ray .venv-local .boot .mypy_cache .pytest_cache .ruff_cache
