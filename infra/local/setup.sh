#!/bin/sh
# Installs what is missing for the local cloud (`setup.sh`), for the linters too (`setup.sh test`), for `make package`
# (`setup.sh package`, no database), or a browser for tests of pages (`setup.sh browser`). Does nothing, quickly, when all is there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
venv=$repo/.venv
asl_validator=4.0.0

say() { printf 'setup: %s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

apt_install() {
    say "installing $*"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || { say "need root or sudo to install: $*"; exit 1; }
        as_root=sudo
    fi
    [ -n "${apt_is_fresh:-}" ] || $as_root apt-get update -qq
    apt_is_fresh=yes
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# A linker for Rust.
need_linker() {
    have cc || apt_install gcc libc6-dev
}

# The PostgreSQL server without a cluster of its own that would start by itself.
need_postgres() {
    for binary in /usr/lib/postgresql/*/bin/postgres $(command -v postgres || :); do
        [ -x "$binary" ] && return
    done
    conf=/etc/postgresql-common/createcluster.conf
    if [ ! -e $conf ]; then
        apt_install postgresql-common
        as_root=$([ "$(id -u)" -eq 0 ] || echo sudo)
        echo 'create_main_cluster = false' | $as_root tee $conf >/dev/null
    fi
    apt_install postgresql
}

# The MariaDB server's programs without the service that would start by itself, and mariadb-binlog.
need_mariadb() {
    for binary in /usr/sbin/mariadbd /usr/bin/mariadb-install-db /usr/bin/mariadb-binlog /usr/bin/mariadb; do
        [ -x "$binary" ] || { apt_install mariadb-server-core mariadb-client; return; }
    done
}

# The Redis server and its client. Debian's redis-server is a link to redis-check-rdb of redis-tools, with a service that would
# start by itself; the program goes by the name that it is started under.
need_redis() {
    [ -x /usr/bin/redis-server ] || [ -x /usr/bin/redis-check-rdb ] || apt_install redis-tools
}

# The first Python from 3.10 on that can make virtual environments.
find_python() {
    for name in python3 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3; do
        if "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

need_venv() {
    stamp=$(cat "$here/requirements.txt" "$here/setup.sh" | sha256sum | cut -c1-64)
    if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/stamp.python" 2>/dev/null)" = "$stamp" ]; then return; fi
    python=$(find_python) || { apt_install python3 python3-venv; python=$(find_python); }
    say "making .venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    echo "$stamp" >"$venv/stamp.python"
}

need_npm() {
    have node || apt_install nodejs
    have npm || apt_install npm
}

need_asl_validator() {
    if [ "$(cat "$venv/stamp.npm" 2>/dev/null)" = "$asl_validator" ]; then return; fi
    need_npm
    say "installing asl-validator $asl_validator"
    mkdir -p "$venv/npm"
    npm install --prefix "$venv/npm" --silent --no-audit --no-fund --ignore-scripts "asl-validator@$asl_validator" >&2
    ln -sf ../npm/node_modules/.bin/asl-validator "$venv/bin/asl-validator"
    echo "$asl_validator" >"$venv/stamp.npm"
}

need_browser() {
    have chromium || have chromium-browser || have google-chrome || apt_install chromium
}

# Two runs at once would trip over each other.
mkdir -p "$repo/.run"
exec 9>"$repo/.run/setup.lock"
flock 9

# One command a line: in `a && b`, the shell would not stop at a failure inside `a`.
case ${1:-run} in
run)
    need_linker
    need_postgres
    [ "${ENGINE:-postgres}" = postgres ] || need_mariadb
    [ "${KIND:-${kind:-rds}}" != elasticache ] || need_redis
    need_venv
    ;;
test)
    need_linker
    need_postgres
    need_mariadb
    need_redis
    need_venv
    need_asl_validator
    ;;
package)
    need_linker
    need_venv
    need_npm
    ;;
browser) need_browser ;;
*)
    say "usage: setup.sh [run|test|package|browser]"
    exit 2
    ;;
esac
