#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# image.sh PROFILE: makes the guest's image and prints its directory:
#
#   vmlinuz       the kernel
#   base          cpio archive of what does not change with the project: init, busybox, modules, and
#                 in `test` what the suites use; the guest boots with it, and is stored (snapshot.sh)
#   programs      cpio archive of the programs of programs.list that the profile needs (`shell` has
#                 those of `run` too, `test` has all, the suites and the unit tests) and the libraries
#                 that they load; the guest takes it up with its job
#   boot.sha256   digest of what decides how it boots
#   image.json    digests and names, QEMU's version, and the image's hash over all of it
#
# It is kept by the content of what went into it, so that a second call only looks. Equal inputs give
# equal bytes: sorted names, no owners, no times, programs without their debug information and version.
#
# The hash promises equal bits for equal GIPS, MEMORY_MB, seeds and jobs.
#
# For GIPS=0 the kernel is time-travel.sh's, without modules and without QEMU.
#
# From the environment: BUILD (build), GIPS (machine.sh), KERNEL (kernel.sh).
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=lab/vm/machine.sh
. "$here/machine.sh"
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
if ((gips > 0)); then
	kernel=$("$here/kernel.sh")
	release=$(basename "$(realpath "$kernel/modules")")
	emulator=$(qemu-system-x86_64 --version | sed -n '1s/^QEMU emulator version /QEMU /p')
else
	kernel=$("$here/time-travel.sh")
	release=$(<"$kernel/release")
	emulator='user-mode Linux'
fi
work=''
make_scratch work "$store/.image"
trap 'rm -rf "$work"' EXIT

# modules WHEN: the files of the modules of modules.list, in the order to be loaded.
modules() {
	local name
	[[ -e $kernel/modules ]] || return 0
	while read -r name; do
		awk -v name="$name" '
			function base(path) { sub(/.*\//, "", path); sub(/\.ko.*/, "", path); gsub(/-/, "_", path); return path }
			{ file = $1; sub(/:$/, "", file); if (base(file) == name) { for (i = NF; i > 1; i--) print $i; print file } }
		' "$kernel/modules/modules.dep"
	done < <(sed 's/#.*//' "$here/modules.list" | awk -v when="$1" 'NF && ($2 == "") == (when == "now") {print $1}')
}

# Lists of files have lines of three fields with tabs between them, KIND SOURCE GUEST-PATH: the
# directory's name may have spaces.
tab=$'\t'

# listed PROFILES: a line for each program of theirs.
listed() {
	local name place
	while read -r _ name; do
		case $name in
		*/*)
			[[ -x $build/$name ]] || fail "$build/$name: expected to be built; run make first"
			echo "own$tab$build/$name$tab/mpip/build/$name"
			;;
		*)
			place=$(command -v "$name") || fail "expected the program $name on this machine; run make deps"
			echo "program$tab$place$tab$place"
			;;
		esac
	done < <(sed 's/#.*//' "$here/programs.list" | grep -E "^($1) ")
}

# with_libraries LIST: the list, and what its programs load.
with_libraries() {
	cat "$1"
	awk -F '\t' '$1 != "file" && $2 !~ /\.o$/ {print $2}' "$1" | while IFS= read -r program; do
		ldd "$program" 2>/dev/null | grep -oE '/[^ ]+\.so[^ ]*' || true
	done | sort -u | sed "s/.*/library$tab&$tab&/"
}

{
	listed "$profiles"
	if [[ $profile == shell ]]; then
		for name in dumb linux screen tmux tmux-256color vt100 xterm xterm-256color; do
			name=/lib/terminfo/${name:0:1}/$name
			[[ ! -e $name ]] || echo "file$tab$name$tab$name"
		done
	fi
	[[ $profile != test ]] || "$here/test-files.sh" "$build"
} >"$work/listed"
# What the suites use is ten times what the project is: it is stored with the booted guest.
late_paths=/
[[ $profile != test ]] || late_paths=/mpip/
{
	listed base
	echo "program$tab$(command -v busybox)$tab/usr/bin/busybox"
	echo "file$tab$here/init$tab/init"
	for name in protocols services; do
		[[ ! -e /etc/$name ]] || echo "file$tab/etc/$name$tab/etc/$name"
	done
	awk -F '\t' -v late="$late_paths" 'index($3, late) != 1' "$work/listed"
} >"$work/base.list"
awk -F '\t' -v late="$late_paths" 'index($3, late) == 1' "$work/listed" >"$work/programs.list"
with_libraries "$work/base.list" >"$work/base.what"
with_libraries "$work/programs.list" | grep -vxFf "$work/base.what" >"$work/programs.what"
modules now >"$work/now"
modules late >"$work/late"

key=$({
	echo "$profile $emulator"
	describe
	cut -f 1,3 "$work"/{base,programs}.what
	cut -f 2 "$work"/{base,programs}.what | xargs -d '\n' cat | sha256sum
	cat "$work/now" "$work/late" "$here/image.sh"
	sha256sum <"$kernel/vmlinuz"
} | sha256sum | cut -c1-16)
image=$store/image-$profile-$key
if [[ -e $image/image.json ]]; then
	touch "$image"
	echo "$image"
	exit
fi

# lay_out WHAT ROOT: copies the files to where the guest has them. A build ID differs with the
# directory that the program was built in.
lay_out() {
	local kind source target out
	mkdir -p "$2"
	while IFS=$tab read -r kind source target; do
		out=(--remove-section=.note.gnu.build-id)
		[[ ! -x $source ]] || out+=(--remove-section=.mpip_version)
		install -D -m 644 "$source" "$2$target"
		[[ ! -x $source ]] || chmod 755 "$2$target"
		[[ $kind != own ]] || strip --strip-debug "${out[@]}" "$2$target"
	done <"$1"
}

# pack ROOT ARCHIVE
pack() {
	find "$1" -exec touch -h -d @0 {} +
	(cd "$1" && find . -mindepth 1 -print0 | sort -z | cpio --null --reproducible -R 0:0 -o -H newc --quiet) >"$2"
}

aside=$work/image
mkdir -p "$aside"
lay_out "$work/programs.what" "$work/programs"
pack "$work/programs" "$aside/programs"

root=$work/base
lay_out "$work/base.what" "$root"
mkdir -p "$root"/{modules,mpip,bin,dev,proc,sys}
for list in now late; do
	awk '!seen[$0]++' "$work/$list" | while read -r module; do
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
grep -vxFf "$root/modules/now" "$root/modules/late" >"$work/late" || true
mv "$work/late" "$root/modules/late"
[[ -e $root/bin/sh ]] || ln -s /usr/bin/busybox "$root/bin/sh"
chmod 755 "$root/init"
pack "$root" "$aside/base"
cp "$(realpath "$kernel/vmlinuz")" "$aside/vmlinuz"

digest() { sha256sum <"$1" | cut -d' ' -f1; }
printf '%s\n' "$(digest "$aside/vmlinuz")" "$(digest "$aside/base")" "$emulator" "$(describe)" >"$work/boot"
digest "$work/boot" >"$aside/boot.sha256"
programs=$(digest "$aside/programs")
hash=$(echo "$(<"$aside/boot.sha256") $programs" | sha256sum | cut -d' ' -f1)
cat >"$aside/image.json" <<JSON
{
  "hash": "$hash",
  "profile": "$profile",
  "kernel": "$release",
  "kernel_sha256": "$(digest "$aside/vmlinuz")",
  "base_sha256": "$(digest "$aside/base")",
  "programs_sha256": "$programs",
  "machine": "$emulator",
  "machine_options": "$(describe)"
}
JSON
# Two that were started at once have made the same: the first one's stays.
mv -T "$aside" "$image" 2>/dev/null || true
# Builds change often: the few images of each profile that were made or used last (guest.sh) are enough.
keep_newest 3 "$store/image-$profile-"
echo "$image"
