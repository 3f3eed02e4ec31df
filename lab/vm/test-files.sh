#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# test-files.sh BUILD: what the suites find in the guest beside the programs of programs.list, a line
# KIND SOURCE GUEST-PATH for each (image.sh): the project's tree as it is here, under /mpip; all
# that is built, objects too, so that a make that a test calls finds everything up to date (in the
# image all times are the same) and needs no compiler; and what belongs to programs without being one.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/../.."
build=$1

ci/sources.sh | while read -r file; do
	printf 'file\t%s\t%s\n' "$PWD/$file" "/mpip/$file"
done

find "$build" \( -path "$build/vm" -o -path "$build/asan" \) -prune -o \
	-type f \( -name '*.bpf.o' -o -name version.txt \) -printf 'file\t%p\t/mpip/build/%P\n' -o \
	-type f \( -name '*.o' -o -name '*.a' -o -perm -u+x \) -printf 'own\t%p\t/mpip/build/%P\n'

tree() { # DIRECTORY...
	local directory
	for directory; do
		[[ ! -d $directory ]] || find -L "$directory" -type f -printf 'file\t%p\t%p\n'
	done
}

# bats is a tree of scripts; scripts look for shells in /bin, and busybox's would take its own ip and
# tc for the real ones; gnuplot's letters are fontconfig's,
# tshark wants its own scripts before ours, and openssl makes no certificate without its settings.
tree /usr/lib/bats-core /usr/libexec/bats-core /usr/lib/bats
printf 'program\t%s\t%s\n' "$(command -v bash)" /bin/bash "$(command -v sh)" /bin/sh
# What a test compares with where it is installed.
for file in gtlsclient gtlsserver; do
	! place=$(command -v "$file") || printf 'program\t%s\t%s\n' "$place" "$place"
done
tree /etc/fonts
fc-match --format='file\t%{file}\t%{file}\n' sans 2>/dev/null || true
for file in /usr/share/wireshark/*.lua /usr/lib/ssl/openssl.cnf; do
	[[ ! -f $file ]] || printf 'file\t%s\t%s\n' "$file" "$file"
done
