# The face of the project. Each target runs one program; there is no logic here.
#
#   make demo [KIND=rds|aurora|dynamodb|elasticache] [SCENARIO=hung] [ENGINE=postgres|mariadb] [SHARDS=3] [VERBOSE=1]    a database fails and is recovered; SCENARIO=list tells what can break, all breaks it
#   make demo SCENARIO=approval ANSWER=me    it asks, and waits for `make approve` or `make deny` in a second terminal
#   make check                               formatting, clippy, linters, fast tests
#   make test                                everything, as CI runs it
#   make bench                               a Lambda of ours beside a Python one: cold start, answers, memory
#   make policies                            whether the functions take infra/policies.yaml; builds them, and deploys nothing
#   make package                             build/<function>/ with what each zip holds
#   make deploy                              to the AWS account of your profile, guided
#   make clean                               removes everything that was built or installed here

PYTHON := .venv/bin/python
SCENARIO ?= $(scenario)
KIND ?= $(or $(kind),rds)

.PHONY: help demo approve deny check test bench policies package deploy clean

help:
	@sed -n 's/^#   //p' Makefile

demo:
	@sh infra/local/setup.sh
	@$(PYTHON) infra/local/demo.py --kind $(KIND) $(SCENARIO)

approve deny:
	@$(PYTHON) infra/local/answer.py $@

check:
	@sh infra/local/setup.sh test
	@$(PYTHON) tests/run.py fast

test:
	@sh infra/local/setup.sh test
	@$(PYTHON) tests/run.py

bench:
	@sh infra/local/setup.sh
	@$(PYTHON) tests/benches/lambdas.py

policies:
	@sh infra/local/setup.sh package
	@$(PYTHON) infra/package.py policies

package:
	@sh infra/local/setup.sh package
	@$(PYTHON) infra/package.py

deploy:
	@sh infra/deploy.sh

clean:
	@cargo clean
	@rm -rf .venv .run build
