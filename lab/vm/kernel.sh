#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# kernel.sh: finds the kernel for the vm ground and prints its place, DIR/vmlinuz and DIR/modules.
#
# KERNEL= says which: a package's version (6.1.0-56-amd64), or a vmlinuz whose modules are in
# /lib/modules. Without it, the running kernel if this user may read it and it has the modules that
# the lab needs; else the distribution's newest stock kernel, fetched and unpacked, not installed.
# What was fetched stays in the cache, so that only the first run needs the network.
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=lab/vm/cache.sh
. "$here/cache.sh"
PATH=$PATH:/usr/sbin:/sbin

# has_modules DIR: whether it has what modules.list needs.
has_modules() {
	local name
	while read -r name; do
		grep -qE "(^|/)${name//_/[-_]}\.ko(\.(xz|gz|zst))?(:|$)" "$1/modules.dep" "$1/modules.builtin" \
			2>/dev/null || return 1
	done < <(sed 's/#.*//' "$here/modules.list" | awk 'NF {print $1}')
}

# version_in VMLINUZ: the release in its setup header (Linux x86 boot protocol, kernel_version).
version_in() {
	local offset
	offset=$(od -An -tu2 -j526 -N2 "$1")
	dd if="$1" bs=1 skip=$((offset + 512)) count=128 status=none | tr '\0' '\n' | sed -n '1s/ .*//p'
}

# link TO NAME: others may be reading by it: where it is right, it is left alone.
link() {
	[[ $(readlink "$2") == "$1" ]] || ln -sfn "$1" "$2"
}

# ready VMLINUZ MODULES: prints the place, as a directory with these two.
ready() {
	local place name
	name=$(sha256sum "$1" | cut -c1-16)
	if place=$(cached "$name" vmlinuz) && [[ $place/vmlinuz -ef $1 && $place/modules -ef $2 ]]; then
		echo "$place"
		return
	fi
	[[ -n ${cache:-} ]] || open_cache
	place=$cache/$name
	mkdir -p "$place"
	link "$(realpath "$1")" "$place/vmlinuz"
	link "$(realpath "$2")" "$place/modules"
	echo "$place"
}

# The newest stock kernel's package, found by what the distribution's meta package depends on.
stock_package() {
	local meta name
	for meta in linux-image-amd64 linux-image-generic; do
		name=$(apt-cache depends "$meta" 2>/dev/null | awk '/Depends: linux-image-[0-9]/ {print $2; exit}')
		[[ -z $name ]] || { echo "$name" && return; }
	done
	fail "expected apt with linux-image-amd64 or linux-image-generic; else name a kernel with KERNEL=/path/to/vmlinuz"
}

# fetch PACKAGE: unpacks the package, and the modules' one where the distribution has it apart.
fetch() {
	local package=$1 version=${1#linux-image-} target aside part
	version=${version#unsigned-}
	target=$(cached "$package" "boot/vmlinuz-$version") || {
		open_cache
		target=$cache/$package
	}
	if [[ ! -e $target/boot/vmlinuz-$version ]]; then
		echo "kernel: fetching $package (once, into $cache)" >&2
		aside=$(mktemp -d "$cache/.fetch.XXXXXX")
		trap 'rm -rf "$aside"' EXIT
		for part in "$package" "linux-modules-$version" "linux-modules-extra-$version"; do
			[[ $part == "$package" ]] || apt-cache show "$part" >/dev/null 2>&1 || continue
			download "$part" "$aside"
		done
		for part in "$aside"/*.deb; do
			dpkg-deb -x "$part" "$aside/root"
			rm "$part"
		done
		[[ -d $aside/root/lib/modules/$version ]] || fail "$package: expected lib/modules/$version in it"
		depmod -b "$aside/root" "$version"
		rm -rf "$target"
		mv "$aside/root" "$target"
		rm -rf "$aside"
		trap - EXIT
	fi
	ready "$target/boot/vmlinuz-$version" "$target/lib/modules/$version"
}

need_x86_64
release=$(uname -r)
case ${KERNEL:-} in
'')
	if [[ -r /boot/vmlinuz-$release ]] && has_modules "/lib/modules/$release"; then
		ready "/boot/vmlinuz-$release" "/lib/modules/$release"
	else
		fetch "$(stock_package)"
	fi
	;;
*/*)
	[[ -r $KERNEL ]] || fail "KERNEL=$KERNEL: expected a vmlinuz that can be read"
	release=$(version_in "$KERNEL")
	modules=$(dirname "$(dirname "$(realpath "$KERNEL")")")/lib/modules/$release
	[[ -d $modules ]] || modules=/lib/modules/$release
	has_modules "$modules" || fail "KERNEL=$KERNEL: expected its modules, with all of lab/vm/modules.list, in $modules"
	ready "$KERNEL" "$modules"
	;;
*)
	package=linux-image-${KERNEL#linux-image-}
	apt-cache show "$package" >/dev/null 2>&1 || cached "$package" . >/dev/null ||
		fail "KERNEL=$KERNEL: expected a vmlinuz, or the version of a package linux-image-VERSION"
	fetch "$package"
	;;
esac
