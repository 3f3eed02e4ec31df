#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# documents.sh --list | --compare | --copy DIRECTORY | DOCUMENT [DIRECTORY]: the commands in the documents, as somebody types them who
# reads them.
#
# Theory of operation: in a document a command is a line of an indented or fenced block that begins with
# make, build/, lab/vm/, tshark and the like, or a piece of text `like this` that begins with make or
# build/. Other blocks are known by their first line with a letter. ci/documents.txt has a row for each
# of both, in the order in which they are run, "HOW :: DOCUMENT :: COMMAND :: INSTEAD :: SAYS":
#
#   quick   is run always
#   full    only with FULL=1
#   also    is no command of the document, but what its text has had done before (always)
#   not     is not run, and INSTEAD says why
#   text    is no command, and INSTEAD says what it is
#   block   is no command either; INSTEAD is run on it, the file BLOCK
#
# INSTEAD is run in the place of COMMAND: with the names that COMMAND leaves open, and shorter. SAYS, if
# it is not empty, is a regular expression that what it prints must match. A command without a row, and
# a row without a command, is an error (--compare).
#
# The rows of a document are run one after the other, in one shell, in a copy of this directory (the one
# that --copy has made, where others' results are then, or a new one), with its own processes, network
# namespaces and /run: labs of the same names may be up outside of it.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."

TABLE=ci/documents.txt
DOCUMENTS=(README.md mpip/README.md lab/README.md experiments/README.md analysis/README.md ci/README.md)

# blocks DOCUMENT: its blocks, each line with the block's number in front.
blocks() {
	awk '
		/^```/ { fenced = !fenced; if (fenced) n++; next }
		fenced { print n "\t" $0; next }
		/^    / && (inside || before ~ /^$/) { if (!inside) n++; inside = 1; sub(/^    /, ""); print n "\t" $0; before = ""; next }
		{ inside = 0; before = $0 }' "$1"
}

# commands DOCUMENT: each command once, and each other block by its first line, in their order.
commands() {
	{
		blocks "$1" | awk -F'\t' '
			function command(line) {
				return line ~ /^(make|build\/|lab\/vm\/|tshark|wireshark|[A-Za-z_]+=[^ ]+ *(lab\/vm\/|$)|image=)/
			}
			{
				line = $0; sub(/^[0-9]+\t/, "", line)
				if ($1 != n) { n = $1; known = is = 0 }
				if (more || command(line)) {
					is = 1
					sub(/ +#.*/, "", line); sub(/^ +/, "", line)
					whole = more ? whole " " line : line
					more = sub(/ *\\$/, "", whole)
					if (!more) print whole
				} else if (!known && !is && line ~ /[A-Za-z]/) {
					known = 1
					sub(/^ +/, "", line)
					print line
				}
			}'
		awk '/^```/ { fenced = !fenced; next } fenced || /^    / { next } { print }' "$1" | tr '\n' ' ' |
			grep -oE '`(make|build/)[^`]+`' | tr -d '`' | grep ' ' || true
	} | awk '!seen[$0]++'
}

list() {
	local document
	for document in "${DOCUMENTS[@]}"; do
		commands "$document" | sed "s|^|$document :: |"
	done
}

# rows: of the table.
rows() {
	grep -v -e '^#' -e '^$' "$TABLE"
}

# described: "DOCUMENT :: COMMAND" of each row that is about one.
described() {
	rows | awk -F' :: ' '$1 != "also" { print $2 " :: " $3 }'
}

compare() {
	local wrong=0 row
	while IFS= read -r row; do
		echo "$row: it has no row in $TABLE" >&2
		wrong=1
	done < <(comm -23 <(list | sort -u) <(described | sort -u))
	while IFS= read -r row; do
		echo "$TABLE: $row: it is not in the document" >&2
		wrong=1
	done < <(comm -13 <(list | sort -u) <(described | sort -u))
	row=$(described | sort | uniq -d)
	[[ -z $row ]] || { echo "$TABLE: twice: $row" >&2; wrong=1; }
	return "$wrong"
}

# copy DIRECTORY: what is in this one, with what is built.
copy() {
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp -p --parents -t "$1"
	mkdir "$1/build"
	tar -C "${BUILD:-build}" --exclude ./vm --exclude ./asan --exclude ./fuzz -cf - . | tar -C "$1/build" -xpf -
	# The guests' images and kernels are kept by what is in them.
	[[ ! -d ${BUILD:-build}/vm ]] || ln -s "$(realpath "${BUILD:-build}/vm")" "$1/build/vm"
	git -C "$1" init -q
	git -C "$1" add -A
}

# block DOCUMENT FIRST-LINE: the one that has this line.
block() {
	local number
	number=$(blocks "$1" | LINE=$2 awk -F'\t' '{ line = $0; sub(/^[0-9]+\t */, "", line) } line == ENVIRON["LINE"] && !found++ { print $1 }')
	blocks "$1" | sed -n "s/^$number\t//p"
}

# in_place DOCUMENT: runs its rows, here.
in_place() {
	local how document command instead says status
	while IFS=$'\037' read -r how document command instead says; do
		[[ $document == "$1" && $how != not && $how != text ]] || continue
		[[ $how != full || -n ${FULL:-} ]] || continue
		[[ $how != block ]] || block "$1" "$command" >BLOCK
		echo "\$ ${instead:=$command}"
		status=0 SECONDS=0
		rm -f said # what runs on in the background goes on with the old one
		eval "$instead" >said 2>&1 </dev/null || status=$?
		((SECONDS < 2)) || echo "($SECONDS s)"
		if ((status != 0)) || { [[ -n ${says:-} ]] && ! grep -qE -e "$says" said; }; then
			cat said
			echo "$1: '$command' ended with status $status, expected 0${says:+, and that it says '$says'}"
			exit 1
		fi
	done < <(rows | sed 's/ *:: */\o037/g')
}

case ${1:-} in
--list) list ;;
--compare) compare ;;
--copy) copy "$2" ;;
--in-place) in_place "$2" ;;
*.md)
	trap 'exit 130' INT
	trap 'exit 143' TERM
	place=${2:-}
	if [[ -z $place ]]; then
		place=$(mktemp -d "${TMPDIR:-/tmp}/mpip-documents.XXXXXX")
		trap 'rm -rf "$place"' EXIT
		copy "$place"
	fi
	# What is still running at the end ends with the first process.
	unshare --mount --net --pid --fork --kill-child --mount-proc \
		env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u BUILD -u TESTS -u GROUND -u SEED DEPS= bash -c '
		mount -t tmpfs none /run && mkdir /run/netns /run/lock && ip link set lo up
		cd "$1" && exec bash ci/documents.sh --in-place "$2"' - "$place" "$1"
	;;
*)
	echo "usage: ci/documents.sh --list | --compare | --copy DIRECTORY | DOCUMENT [DIRECTORY]" >&2
	exit 2
	;;
esac
