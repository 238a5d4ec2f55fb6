#!/bin/sh
# The linters of template, state machines and ready commands, one line for each check. Each misses what the others find:
# cfn-lint and SAM read no ASL, statelint knows no JSONata syntax, asl-validator lets States.ALL stand beside other errors.
# `infra/local/setup.sh test` installs them into .venv.
set -u

repo=$(cd "$(dirname "$0")/.." && pwd)
bin=$repo/.venv/bin
cd "$repo" || exit 2
failed=0

for tool in cfn-lint statelint asl-validator; do
    [ -x "$bin/$tool" ] || { echo "lint: $bin/$tool is missing: run infra/local/setup.sh test"; exit 2; }
done

# What the linter printed, and whether it was content.
report() {
    if [ "$3" -eq 0 ]; then
        echo "ok      $1 $2"
    else
        echo "FAILED  $1 $2"
        printf '%s\n' "$4" | sed 's/^/        /'
        failed=1
    fi
}

# statelint 3.1.0 takes no JSONata in the Seconds of a Wait, which the language allows: that complaint, and only that, is dropped.
state_lint() {
    said=$("$bin/statelint" "$1" 2>&1)
    status=$?
    [ $status -le 1 ] || return $status
    said=$(printf '%s\n' "$said" | grep -v -e '\.Seconds is "{% .* %}" but should be an Integer$' -e '^One error:$' -e '^[0-9]* errors:$')
    [ -z "$said" ]
}

said=$("$bin/cfn-lint" infra/template.yaml 2>&1)
report cfn-lint infra/template.yaml $? "$said"
for machine in statemachines/*.asl.json; do
    state_lint "$machine"
    report statelint "$machine" $? "$said"
    said=$("$bin/asl-validator" --json-path "$machine" 2>&1)
    report asl-validator "$machine" $? "$said"
done
said=$("$bin/python" tests/commands.py 2>&1)
report commands "of the documents, against AWS's models" $? "$said"
exit $failed
