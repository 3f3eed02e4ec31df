#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# version.sh FILE: writes to the file what git describes these sources as, without a newline; "unknown" in
# a copy that is no repository of its own, also where it lies inside of another one. A file that says so
# already is left as it is; so is any while the tests run, whose programs are to stay what they are.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
[[ -z ${CI_PREFIX:-} || ! -f $1 ]] || exit 0
unset GIT_DIR GIT_WORK_TREE # whoever calls us from a hook of his own has these set
text=unknown
if [[ "$(git rev-parse --show-toplevel 2>/dev/null)" -ef . ]]; then
	text=$(git describe --tags --always --dirty 2>/dev/null) || text=unknown
fi
[[ -f $1 && $(<"$1") == "${text:0:63}" ]] && exit
mkdir -p "${1%/*}"
printf %s "${text:0:63}" >"$1"
