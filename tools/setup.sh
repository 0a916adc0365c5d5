#!/bin/sh
# Install what is missing, and nothing that is there: PostgreSQL with pgTAP and plpgsql_check, Sqitch,
# pg_prove, PgBouncer and Chromium from the system's packages; the Python side into .venv.
set -eu

missing() { ! command -v "$1" >/dev/null; }
no_file() { [ -z "$(find /usr/share/postgresql /usr/lib/postgresql -path "$1" 2>/dev/null)" ]; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_debian() {
    # A fresh package would start its service, and create a cluster for it: this only needs programs.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod +x $policy
        trap 'as_root rm -f $policy' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -q
    as_root apt-get install -qy --no-install-recommends postgresql sqitch libdbd-pg-perl pgbouncer \
        libtap-parser-sourcehandler-pgtap-perl python3-venv chromium fonts-dejavu-core
    version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
    # The server once more, by its own name: one that was there is brought up to date with it.
    as_root apt-get install -qy --no-install-recommends \
        "postgresql-$version" "postgresql-$version-pgtap" "postgresql-$version-plpgsql-check"
}

install_brew() {
    brew install postgresql@17 pgbouncer pgtap
    brew tap sqitchers/sqitch
    brew install sqitch --with-postgres-support
    cpan TAP::Parser::SourceHandler::pgTAP
}

needed=no
if missing psql || missing sqitch || missing pg_prove || missing pgbouncer; then needed=yes; fi
if ! missing apt-get; then
    for file in '*/bin/postgres' '*/extension/pgtap.control' '*/extension/plpgsql_check.control'; do
        if no_file "$file"; then needed=yes; fi
    done
    perl -MDBD::Pg -e 1 2>/dev/null || needed=yes
    if missing chromium; then needed=yes; fi
    python3 -m ensurepip --version >/dev/null 2>&1 || needed=yes
fi

if [ $needed = yes ]; then
    echo 'Installing PostgreSQL, Sqitch, pgTAP, PgBouncer, Chromium …' >&2
    if ! missing apt-get; then install_debian >&2; elif ! missing brew; then install_brew >&2; else
        echo 'Needs psql, a PostgreSQL server, sqitch with its Pg driver, pg_prove, pgTAP, plpgsql_check and' \
            'pgbouncer, and neither apt-get nor brew is here to install them.' >&2
        exit 1
    fi
fi

# Anew whenever the requirements changed.
if [ ! -e .venv/installed ] || [ pyproject.toml -nt .venv/installed ] \
    || [ python/pyproject.toml -nt .venv/installed ]; then
    python3 -c 'import sys; sys.exit("Python 3.10 or newer is needed" if sys.version_info < (3, 10) else 0)'
    echo 'Installing the Python side into .venv …' >&2
    python3 -m venv .venv
    # Debian's pip knows no dependency groups.
    .venv/bin/pip install -qq --disable-pip-version-check 'pip>=25.1'
    .venv/bin/pip install -qq --disable-pip-version-check --group dev -e 'python[cli]'
    touch .venv/installed
fi
