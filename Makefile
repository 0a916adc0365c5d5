# make demo [DATABASE_URL=postgresql://…]   watch the feature and the attacks on it
# make test [ARGS='-k isolation']           every promise, tested
# make test-stacks                          every example, those in Node too; a line each
# make test-hosts                           pgTAP on seven kinds of hosts' databases
# make test-matrix [VERSIONS='16 18'] [PYTHONS=3.12]   all of it on each PostgreSQL; the client's
#                                           tests on each Python; one table at the end
# make trial [ARGS="--rows 100000"]         deploy, revert, convert under traffic and kill -9 (10 min)
# make soak [MINUTES=10] [ARGS='--only races']  poolers, crashes, races, a model: faults at random
# make dev [ARGS='--keep DIR']              a server to develop against; what to paste is printed
# make web [ARGS='--port 8080']             the page of examples/fastapi; its address is printed
# make dist                                 wheel, sdist and Sqitch project, into dist/
# make bench [SIZE=small]                   measure, into docs/benchmarks: 5 minutes small, 40 full
# make bench-peers, make bench-churn        of it, only: procrastinate's enqueues; a long life
# make lint                                 Python, SQL, PL/pgSQL; isolation, linted and proved
# make docs                                 what is generated: docs/, sql/skill_messages.sql
# make site                                 the documentation as a website, into site/
#
# PGBIN=/path/to/bin runs demo and test on another PostgreSQL server's programs.

PYTHON = .venv/bin/python
SIZE = full
MINUTES = 30
VERSIONS = 15 16 17 18
PYTHONS = 3.10 3.11 3.12 3.13
SQL_DIRS = deploy revert verify sql

# Only as an argument of make: a DATABASE_URL that happens to be in the environment is not meant.
ifeq ($(origin DATABASE_URL), command line)
DEMO_ARGS = --database-url '$(DATABASE_URL)'
endif

.PHONY: demo dev web dist test test-stacks test-hosts test-matrix trial soak bench bench-peers bench-churn lint docs site setup

demo: setup
	@$(PYTHON) -m tools.demo $(DEMO_ARGS)

dev: setup
	@$(PYTHON) -m skill_messages dev $(ARGS)

web: setup
	@$(PYTHON) -m tools.web $(ARGS)

dist: setup
	@tools/dist.sh

test: setup
	@$(PYTHON) -m pytest -rs -n auto --dist worksteal -m 'not node' $(ARGS)

test-stacks: setup
	@$(PYTHON) -m pytest tests/examples $(ARGS)

test-hosts: setup
	@HOSTS=1 $(PYTHON) -m pytest -n auto tests/schema/test_pgtap.py -k kind $(ARGS)

test-matrix: setup
	@$(PYTHON) -m tools.matrix --servers $(VERSIONS) --pythons $(PYTHONS) -- -m 'not node' $(ARGS)

trial: setup
	@$(PYTHON) -m tests.trial --output docs/trial.md $(ARGS)

# A campaign by itself writes no page.
soak: setup
	@$(PYTHON) -m tests.soak --minutes $(MINUTES) \
		$(if $(findstring --only,$(ARGS)),,--output docs/reliability.md) $(ARGS)

bench: setup
	@$(PYTHON) -m tests.bench.bench --size $(SIZE) --output docs/benchmarks $(ARGS)

bench-peers: setup
	@$(PYTHON) -m tests.bench.bench --size $(SIZE) --output docs/benchmarks --only peers

bench-churn: setup
	@$(PYTHON) -m tests.bench.bench --size $(SIZE) --output docs/benchmarks --only churn \
		--churn-seconds 3600 $(ARGS)

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/pyright
	PATH=.venv/bin:$$PATH pyright --verifytypes skill_messages --ignoreexternal \
		| grep "completeness score: 100%"
	.venv/bin/sqlfluff lint $(SQL_DIRS)
	@! grep -rnE --include='*.sql' --include='*.psql' '^.{101}' $(SQL_DIRS) tests \
		|| { echo 'longer than 100 columns'; false; }
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows \
		.github/workflows/ci.yml examples/ci.yml
	.venv/bin/squawk deploy/*.sql deploy/*/*.sql
	$(PYTHON) -m tools.check_functions
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo $(PYTHON) -m tools.check_isolation; $(PYTHON) -m tools.check_isolation; \
	else echo 'Isolation NOT checked: pgrls needs Python 3.11 or newer.'; fi

docs: setup
	@$(PYTHON) -m tools.generate

site: setup
	@.venv/bin/mkdocs build

setup:
	@tools/setup.sh
