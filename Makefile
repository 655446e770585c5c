.PHONY: check fix test docs faults bench
check:  ## lint, types, layer rule; changes nothing
	ruff check .
	ruff format --check .
	mypy
	lint-imports
fix:    ## what a machine can mend
	ruff check --fix .
	ruff format .
test:   ## what CI runs
	python -m pytest
docs:   ## every command of the manual, and the site; without network
	python -m tests.docs
	python -m mkdocs build --quiet --strict
faults: ## the long run: make faults COUNT=200 SEED=1
	python -m tests.faults --count $(or $(COUNT),200) --seed $(or $(SEED),1)
bench:  ## kernels and whole runs against peers and the machine's limit
	python -m bench
