#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Installs what ci/packages.txt lists and this machine lacks. Says what; does nothing if all is there.
# With --check it installs nothing: one line says what is missing and how to get it, status 1; with
# --check-build only of what compiling needs.
# usage: ci/install-packages.sh [--check | --check-build]
set -euo pipefail
list=$(dirname "$0")/packages.txt
PATH=$PATH:/usr/sbin:/sbin

present() { # KIND:NAME
  case $1 in
    program:*) command -v "${1#*:}" >/dev/null ;;
    header:*) echo "#include <${1#*:}>" | gcc -E -x c - >/dev/null 2>&1 ;;
    module:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    sanitizer:*) echo "int LLVMFuzzerTestOneInput(void) { return 0; }" |
      clang -fsanitize="${1#*:}" -x c - -o /dev/null 2>/dev/null ;;
    *) echo "$list: '$1': expected program:, header:, module: or sanitizer:" >&2; exit 2 ;;
  esac
}

missing=()
while read -r package proof; do
  case $package in '' | \#*) continue ;; esac
  case ${1:-}:$proof in
    --check-build:header:* | --check-build:module:*) ;;
    --check-build:program:gcc | --check-build:program:clang | --check-build:program:pkg-config) ;;
    --check-build:*) continue ;;
  esac
  present "$proof" || missing+=("$package")
done < "$list"
[ ${#missing[@]} -gt 0 ] || exit 0
if [ $# -gt 0 ]; then
  echo "Missing packages (Debian's names): ${missing[*]}; make deps installs them" >&2
  exit 1
fi

if ! command -v apt-get >/dev/null; then
  echo "These packages (Debian's names) are missing, and this is no system with apt-get:" >&2
  printf '  %s\n' "${missing[@]}" >&2
  echo "Install what your distribution calls them, then run the same command again." >&2
  exit 1
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing: ${missing[*]}. Installing them needs root, and there is no sudo." >&2
    exit 1
  fi
  root=(sudo)
fi
echo "Installing with apt-get: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; }
if ! { run apt-get update -q && run apt-get install -y -q --no-install-recommends "${missing[@]}"; }; then
  tail -n 20 "$log" >&2
  echo "apt-get failed; its last lines are above." >&2
  exit 1
fi
