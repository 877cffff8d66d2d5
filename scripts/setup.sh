#!/usr/bin/env bash
# Sees what this machine lacks for a task, and installs that alone. Quiet and quick when nothing is missing.
#
#   scripts/setup.sh build   what the program is built with
#   scripts/setup.sh lint    the same, rustfmt and clippy
#   scripts/setup.sh test    the same as build, and what the tests run: Redis, a browser, databases, LDAP, Python and PHP
#                           programs
#
# Installs with apt-get when it may (root, or sudo without a password); else says exactly what to install and exits 1.
#
# Lists of tools and packages are plain words; none holds a blank.
# shellcheck disable=SC2046,SC2086
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VENV=target/venv
readonly REQUIREMENTS=tests/requirements.txt
rust_version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
readonly rust_version

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The tools of a task, by the names that `present` and `package` know.
tools() {
  case $1 in
    build | lint) echo cc make cmake ;;
    test)
      echo cc make cmake redis-server chromium chromedriver python3 venv php dokuwiki postgresql mariadb slapd ;;
  esac
}

present() {
  case $1 in
    chromium) have chromium || have chromium-browser || have google-chrome ;;
    postgresql) have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
    mariadb) have mariadbd && have mariadb-install-db ;;
    slapd) have slapd || [[ -x /usr/sbin/slapd || -x /usr/libexec/slapd ]] ;;
    dokuwiki) [[ -f /usr/share/dokuwiki/doku.php && -d /etc/dokuwiki ]] ;;
    venv) have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    *) have "$1" ;;
  esac
}

# The tools of a task that are not here, as words on one line.
missing() {
  local tool lacking=
  for tool in $(tools "$1"); do
    present "$tool" || lacking+=" $tool"
  done
  echo "${lacking# }"
}

# The package that brings a tool: package MANAGER TOOL. Where a manager has no name of its own, it is the tool's.
package() {
  case $1:$2 in
    apt-get:cc) echo gcc libc6-dev ;;
    apt-get:chromedriver) echo chromium-driver ;;
    apt-get:venv) echo python3-venv ;;
    apt-get:mariadb) echo mariadb-server ;;
    dnf:postgresql) echo postgresql-server ;;
    dnf:mariadb) echo mariadb-server ;;
    dnf:slapd) echo openldap-servers ;;
    apk:mariadb) echo mariadb mariadb-client ;;
    apk:slapd) echo openldap openldap-back-mdb ;;
    brew:slapd) echo openldap ;;
    apt-get:php) echo php-cli php-xml ;;
    dnf:php) echo php-cli php-xml ;;
    dnf:cc) echo gcc glibc-devel ;;
    dnf:redis-server) echo redis ;;
    apk:cc) echo gcc musl-dev ;;
    apk:redis-server) echo redis ;;
    apk:chromedriver) echo chromium-chromedriver ;;
    brew:cc) echo gcc ;;
    brew:redis-server) echo redis ;;
    brew:python3) echo python ;;
    dnf:venv | apk:venv | brew:venv) package "$1" python3 ;;
    *) echo "$2" ;;
  esac
}

packages() {
  local manager=$1 tool
  shift
  for tool in "$@"; do
    printf '%s\n' $(package "$manager" "$tool")
  done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# What a person has to type, for the package manager that is here or for all that we know.
hint() {
  local manager install found=
  for manager in apt-get dnf apk brew; do
    have "$manager" || continue
    found=yes
    install=install
    [[ $manager != apk ]] || install=add
    say "  $manager $install $(packages "$manager" "$@")"
  done
  [[ -n $found ]] || for manager in apt-get dnf apk brew; do
    say "  with $manager: $(packages "$manager" "$@")"
  done
}

# Runs a command as root, or fails when we may not.
as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# Runs a command and shows what it said only if it failed.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [[ $status == 0 ]] || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

install_system_packages() {
  local lacking
  lacking=$(missing "$1")
  [[ -n $lacking ]] || return 0
  if have apt-get && as_root true; then
    local wanted
    wanted=$(packages apt-get $lacking)
    say "setup: installing $wanted"
    quietly as_root apt-get update -q || say "setup: apt-get update failed; trying with the package lists that are here"
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $wanted || true
    lacking=$(missing "$1")
    [[ -n $lacking ]] || return 0
  fi
  say "setup: missing: $lacking. Install them and try again:"
  hint $lacking
  exit 1
}

check_rust() {
  have cargo || fail "Rust $rust_version or newer is missing. Install it from https://rustup.rs and try again."
  local version
  version=$(cargo --version | cut -d' ' -f2)
  printf '%s\n' "$rust_version" "${version%%-*}" | sort -VC ||
    fail "cargo is $version, and $rust_version or newer is needed. Run: rustup update stable"
}

check_rust_component() {
  local component=$1 command=$2
  cargo "$command" --version >/dev/null 2>&1 && return
  if have rustup; then
    say "setup: installing $component"
    quietly rustup component add "$component" && return
  fi
  fail "$component is missing. Run: rustup component add $component"
}

# Makes the Python environment again when the requirements change. The copy of them is written last: it says "complete".
make_venv() {
  local stamp=$VENV/requirements.txt
  if cmp -s "$REQUIREMENTS" "$stamp" && "$VENV/bin/python" -c 'import django, aiosmtpd, messagebird, plivo, twilio, vonage' 2>/dev/null; then
    return
  fi
  say "setup: making $VENV"
  rm -rf "$VENV"
  quietly python3 -m venv "$VENV" || fail "python3 could not make a virtual environment in $VENV."
  quietly "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$REQUIREMENTS" ||
    fail "the Python packages of $REQUIREMENTS could not be installed. Is this machine online?"
  cp "$REQUIREMENTS" "$stamp"
}

case ${1-} in
  build | lint | test) ;;
  *) say "usage: scripts/setup.sh build|lint|test"; exit 2 ;;
esac

check_rust
install_system_packages "$1"
case $1 in
  lint)
    check_rust_component rustfmt fmt
    check_rust_component clippy clippy
    ;;
  test) make_venv ;;
esac
