#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# image.sh PROFILE: makes the guest's image and prints its directory:
#
#   vmlinuz, initramfs   what QEMU boots
#   image.json           their digests and names, QEMU's version, and the image's hash over all of it
#
# The initramfs holds exactly the programs of programs.list that the profile needs (`shell` has those
# of `run` too, `test` has all, the suites and the unit tests), the libraries that they load, and the
# modules of modules.list. It is kept by the content of what went into it, so that a second call only
# looks. Equal inputs give equal bytes: sorted names, no owners, no times, programs without their
# debug information.
#
# From the environment: BUILD (build), KERNEL (kernel.sh).
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
top=$(cd "$here/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
umask 022

fail() {
	echo "image: $*" >&2
	exit 1
}

profile=${1:-}
case $profile in
run) profiles='run' ;;
shell) profiles='run|shell' ;;
test) profiles='run|shell|test' ;;
*) fail "expected a profile: run, shell or test" ;;
esac
build=$(cd "$top" && realpath -m "${BUILD:-build}")
store=$build/vm
mkdir -p "$store"
kernel=$("$here/kernel.sh")
release=$(basename "$(realpath "$kernel/modules")")

# modules WHEN: the files of the modules of modules.list, in the order to be loaded.
modules() {
	local name
	while read -r name; do
		awk -v name="$name" '
			function base(path) { sub(/.*\//, "", path); sub(/\.ko.*/, "", path); gsub(/-/, "_", path); return path }
			{ file = $1; sub(/:$/, "", file); if (base(file) == name) { for (i = NF; i > 1; i--) print $i; print file } }
		' "$kernel/modules/modules.dep"
	done < <(sed 's/#.*//' "$here/modules.list" | awk -v when="$1" 'NF && ($2 == "") == (when == "now") {print $1}')
}

# what: a line "KIND SOURCE GUEST-PATH" for each file of the image but the libraries.
what() {
	local name place
	while read -r _ name; do
		case $name in
		*/*)
			[[ -x $build/$name ]] || fail "$build/$name: expected to be built; run make first"
			echo "own $build/$name /mpip/build/$name"
			;;
		*)
			place=$(command -v "$name") || fail "expected the program $name on this machine; run make deps"
			echo "program $place $place"
			;;
		esac
	done < <(sed 's/#.*//' "$here/programs.list" | grep -E "^($profiles) ")
	echo "program $(command -v busybox) /usr/bin/busybox"
	echo "file $here/init /init"
	for name in protocols services; do
		[[ ! -e /etc/$name ]] || echo "file /etc/$name /etc/$name"
	done
	if [[ $profile == test ]]; then
		"$here/test-files.sh" "$build"
	fi
}

what >"$store/.what.$$"
trap 'rm -f "$store/.what.$$"' EXIT
grep -E '^(own|program) ' "$store/.what.$$" | awk '{print $2}' | while read -r program; do
	ldd "$program" 2>/dev/null | grep -oE '/[^ ]+\.so[^ ]*' || true
done | sort -u | sed 's/.*/library & &/' >>"$store/.what.$$"
modules now >"$store/.now.$$"
modules late >"$store/.late.$$"
trap 'rm -f "$store"/.{what,now,late}.$$' EXIT

key=$({
	echo "$profile"
	awk '{print $1, $3}' "$store/.what.$$"
	awk '{print $2}' "$store/.what.$$" | xargs -d '\n' cat | sha256sum
	cat "$store/.now.$$" "$store/.late.$$" "$here/image.sh" "$here/qemu.sh"
	sha256sum <"$kernel/vmlinuz"
	qemu-system-x86_64 --version
} | sha256sum | cut -c1-16)
image=$store/image-$profile-$key
if [[ -e $image/image.json ]]; then
	touch "$image"
	echo "$image"
	exit
fi

aside=$(mktemp -d "$store/.image.XXXXXX")
trap 'rm -rf "$aside" "$store"/.{what,now,late}.$$' EXIT
root=$aside/root
while read -r kind source target; do
	install -D -m 644 "$source" "$root$target"
	[[ ! -x $source ]] || chmod 755 "$root$target"
	[[ $kind != own ]] || strip --strip-debug "$root$target"
done <"$store/.what.$$"
mkdir -p "$root"/{modules,mpip,bin,dev,proc,sys}
for list in now late; do
	awk '!seen[$0]++' "$store/.$list.$$" | while read -r module; do
		name=$(basename "$module")
		name=${name%%.ko*}.ko
		case $module in
		*.xz) xz -dc "$kernel/modules/$module" ;;
		*.zst) zstd -dcq "$kernel/modules/$module" ;;
		*.gz) gzip -dc "$kernel/modules/$module" ;;
		*) cat "$kernel/modules/$module" ;;
		esac >"$root/modules/$name"
		echo "$name"
	done >"$root/modules/$list"
done
# A module of the late list may have been loaded for the early one.
grep -vxFf "$root/modules/now" "$root/modules/late" >"$aside/late" || true
mv "$aside/late" "$root/modules/late"
ln -s /usr/bin/busybox "$root/bin/sh"
chmod 755 "$root/init"
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . -print0 | sort -z | cpio --null --reproducible -R 0:0 -o -H newc --quiet) >"$aside/initramfs"
rm -rf "$root"
cp "$(realpath "$kernel/vmlinuz")" "$aside/vmlinuz"

digest() { sha256sum <"$1" | cut -d' ' -f1; }
qemu=$(qemu-system-x86_64 --version | sed -n '1s/^QEMU emulator version //p')
hash=$(printf '%s\n' "$(digest "$aside/vmlinuz")" "$(digest "$aside/initramfs")" "$qemu" "$("$here/qemu.sh" --describe)" |
	sha256sum | cut -d' ' -f1)
cat >"$aside/image.json" <<JSON
{
  "hash": "$hash",
  "profile": "$profile",
  "kernel": "$release",
  "kernel_sha256": "$(digest "$aside/vmlinuz")",
  "initramfs_sha256": "$(digest "$aside/initramfs")",
  "qemu": "$qemu",
  "qemu_options": "$("$here/qemu.sh" --describe)"
}
JSON
# Two that were started at once have made the same: the first one's stays.
mv -T "$aside" "$image" 2>/dev/null || rm -rf "$aside"
trap - EXIT
rm -f "$store"/.{what,now,late}.$$
# Builds change often: the newest few images of each profile are enough.
find "$store" -maxdepth 1 -name "image-$profile-*" -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d' ' -f2- |
	xargs -r -d '\n' rm -rf
echo "$image"
