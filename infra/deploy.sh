#!/bin/sh
# Deploys what `make package` laid out, with the AWS SAM CLI and your AWS profile. Asks before anything changes.
set -eu

cd "$(dirname "$0")"
if ! command -v sam >/dev/null 2>&1; then
    echo "deploy: the AWS SAM CLI (sam) is missing: install it, then run make deploy again" >&2
    exit 1
fi
for function in detect snapshot restore validate notify; do
    [ -x "../build/$function/bootstrap" ] || { echo "deploy: build/$function/bootstrap is missing: run make package first" >&2; exit 1; }
done
exec sam deploy --guided --template-file template.yaml --config-file samconfig.toml
