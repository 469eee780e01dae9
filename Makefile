# Every command of a working day. `make` alone explains them.

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input --only-binary :all: --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
# What production sets, with values that are as good as any: `check --deploy` looks at the settings that follow.
PRODUCTION := env -u DEBUG SECRET_KEY=only-for-a-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG \
	DATABASE_URL=postgres://nobody@localhost/none REDIS_URL=redis://localhost:6379/0 \
	ALLOWED_HOSTS=papers.example.org SITE_URL=https://papers.example.org \
	EMAIL_PROVIDER=mailgun MAILGUN_API_KEY=key MAILGUN_SENDER_DOMAIN=papers.example.org \
	FROM_EMAIL='Paper Round <papers@example.org>' POSTAL_ADDRESS='1 Example Street, Exampleton' \
	ALERT_WEBHOOK=https://alerts.example.org/papers
# Where the clock of the tests stands at night, run by run: four hours of a day, a Saturday, a leap day, and the minute
# before the clocks of Europe change to summer and to winter.
MOMENTS := 2026-05-05T01:10Z 2026-05-05T07:10Z 2026-05-05T13:10Z 2026-05-05T19:10Z \
	2026-05-09T13:00Z 2028-02-29T23:30Z 2026-03-29T00:59Z 2026-10-25T00:59Z

.PHONY: help run test check nightly bench chaos screenshots digests-to-read drawing models password lock clean

help:
	@echo 'make run       start Paper Round with all it needs; PORT=9000 HOST=192.168.1.5 make run listens elsewhere'
	@echo 'make test      everything CI runs'
	@echo 'make check     its quick part, without the tests'
	@echo 'make nightly   what goes further than the tests: more of what they try, and the tests at eight moments'
	@echo 'make bench     measure; ONLY=papers make bench measures one thing'
	@echo 'make chaos     send an issue while workers, Redis and PostgreSQL are killed, and let slow clients crowd the site;'
	@echo '               READERS=10000 make chaos is shorter'
	@echo 'make screenshots  pictures of the mails, into var/screenshots/'
	@echo 'make digests-to-read  mails of ten recorded days to six readers, into var/digests-to-read/'
	@echo 'make password  set a new password for the editor'
	@echo 'make drawing   redraw the import contract in docs/architecture.md'
	@echo 'make models    retrain the models that ship with the product, from recordings beside it'
	@echo 'make lock      rewrite the requirements from the .in files'
	@echo 'make clean     remove the environment and the caches; the data in var/ stays'

run: .venv/run.stamp
	@exec $(BIN)/python manage.py up

password: .venv/run.stamp
	@exec $(BIN)/python manage.py password

test: check
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

nightly: .venv/dev.stamp
	NIGHTLY=1 $(BIN)/python -m pytest -m nightly
	@status=0; for moment in $(MOMENTS); do \
		echo "The tests as of $$moment"; \
		TEST_MOMENT=$$moment $(BIN)/python -m pytest -n 2 --dist loadfile \
			-m 'not browser and not flow and not real_clock' || status=1; \
	done; exit $$status

bench: .venv/dev.stamp
	@$(BIN)/python -m tests.benchmarks $(if $(ONLY),--only $(ONLY))

chaos: .venv/dev.stamp
	@$(BIN)/python -m tests.chaos $(if $(READERS),--readers $(READERS))

screenshots: .venv/dev.stamp
	@$(BIN)/python -m tests.screenshots

digests-to-read: .venv/dev.stamp
	@$(BIN)/python -m tests.digests_to_read

drawing: .venv/dev.stamp
	@$(BIN)/python -m tests.architecture

models: .venv/dev.stamp
	@$(BIN)/python -m tests.benchmarks.learned.summary_weights
	@$(BIN)/python -m tests.benchmarks.learned.forecast_model

lock: .venv/dev.stamp
	$(LOCK) requirements-uv.in --output-file requirements-uv.txt
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --constraint requirements.txt --output-file requirements-dev.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/run.stamp: requirements.txt requirements-uv.txt | .venv/bin/python
	@$(call install,requirements.txt)
	@touch $@

.venv/dev.stamp: requirements-dev.txt requirements-uv.txt | .venv/bin/python
	@$(call install,requirements-dev.txt)
	@touch $@ .venv/run.stamp

# uv takes a quarter of pip's time; pip knows more ways to an index, and comes after it. The umask lets PostgreSQL's
# own account read its programs where root installs them.
define install
umask 022; \
echo 'Installing what $(1) names: once, and again when it changes'; \
$(PIP) --quiet -r requirements-uv.txt && \
$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --only-binary :all: --require-hashes -r $(1) || $(PIP) -r $(1) || { \
	echo; \
	echo 'The dependencies could not be installed, for the reason above. Their wheels exist for Linux with glibc'; \
	echo '(x86-64, arm64) and macOS: elsewhere, run this in a container such as python:3.11. Without internet, try later.'; \
	exit 1; }
endef

.venv/bin/python:
	@for python in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14; do \
		if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making the environment .venv with $$("$$python" --version)"; \
			exec "$$python" -m venv .venv; \
		fi; \
	done; \
	echo 'Paper Round needs Python 3.11 or newer with its modules venv and pip, and found none.'; \
	echo 'Install it (Debian, Ubuntu: apt-get install python3-venv) or say where it is: make run PYTHON=/path/to/python3'; \
	exit 1
