#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# time-travel.sh: makes the kernel for guests whose processor takes no time (GIPS=0, machine.sh), and
# prints its place, DIR/vmlinuz and DIR/release.
#
# It is the distribution's kernel source, configured as user-mode Linux with time travel
# (time-travel.config): an ordinary program. Built once per version of the source, in some minutes;
# what was built stays in the cache, so that only the first run needs the network.
#
# Two changes are made to it:
# - its random numbers do not come from this machine, but from the seed alone (entropy.c);
# - when it dies, the processes of the guest die with it, and do not go on as processes of this machine.
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=lab/vm/cache.sh
. "$here/cache.sh"

# change FILE FROM TO: exactly where it is expected.
change() {
	grep -q "$2" "$1" || fail "$package $version: expected '$2' in $1"
	sed -i "s/$2/$3/" "$1"
}
change_source() {
	change arch/um/os-Linux/util.c 'return getrandom(buf, len, flags);' 'return -1;'
	change arch/um/os-Linux/skas/process.c 'PTRACE_O_TRACESYSGOOD' '(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)'
}

need_x86_64
package=$(apt-cache depends linux-source 2>/dev/null | awk '/Depends: linux-source-[0-9]/ {print $2; exit}')
version=$(apt-cache policy "${package:-none}" 2>/dev/null | awk '$1 == "Candidate:" {print $2}')
key=$({ cat "$here/time-travel.config" && declare -f change_source; } | sha256sum | cut -c1-16)
if [[ -z $version ]]; then
	# Without the network, what was built for an older version will do.
	mapfile -t places < <(caches)
	name=$(find "${places[@]}" -maxdepth 1 -name "time-travel-*-$key" -printf '%T@ %f\n' 2>/dev/null |
		sort -rn | sed -n '1s/[^ ]* //p') || true
	[[ -n $name ]] || fail "expected apt with the package linux-source; GIPS=4 needs no kernel of its own"
else
	name=time-travel-$version-$key
fi
if cached "$name" release; then
	exit
fi
open_cache
if cached "$name" release; then # somebody else was building it
	exit
fi
place=$cache/$name

# The kernel's own build does not work in a folder whose name has spaces and the like.
for directory in "$cache" "${TMPDIR:-/tmp}" /tmp /var/tmp; do
	[[ $directory =~ ^[A-Za-z0-9/._,+@~-]+$ && -w $directory ]] && break
done
aside=$(mktemp -d "$directory/.build.XXXXXX")
trap 'rm -rf "$aside"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
cores=$(nproc)
echo "kernel: building $package $version for virtual time (once, about $((8 / cores + 1)) minutes, into $cache)" >&2
download "$package" "$aside"
dpkg-deb --fsys-tarfile "$aside"/*.deb | tar -C "$aside" -x --wildcards './usr/src/linux-source-*.tar.*'
rm "$aside"/*.deb
mkdir "$aside/source"
tar -C "$aside/source" --strip-components=1 --exclude='*/drivers/gpu/*.[ch]' --exclude='*/sound/*.[ch]' \
	-xf "$(find "$aside/usr/src" -name 'linux-source-*.tar.*' | head -n 1)"
rm -rf "${aside:?}/usr"

cd "$aside/source"
change_source
export ARCH=um KBUILD_BUILD_TIMESTAMP='2026-01-01' KBUILD_BUILD_USER=mpip KBUILD_BUILD_HOST=mpip
cp "$here/time-travel.config" "$aside/"
make -s allnoconfig KCONFIG_ALLCONFIG="$aside/time-travel.config" >"$aside/build.log" 2>&1
missing=$(grep -vxFf .config "$here/time-travel.config" | grep '^CONFIG_.*=y' || true)
[[ -z $missing ]] || fail "$package $version: expected to have ${missing//$'\n'/, }"
make -s -j"$cores" linux >>"$aside/build.log" 2>&1 &
child=$!
trap 'kill "$child" 2>/dev/null; exit 143' TERM
trap 'kill "$child" 2>/dev/null; exit 130' INT
wait "$child" || {
	tail -n 5 "$aside/build.log" >&2
	fail "$package $version cannot be built"
}
mkdir "$aside/place"
strip -o "$aside/place/vmlinuz" linux
make -s kernelrelease >"$aside/place/release"
cd "$cache"
rm -rf "$place"
mv "$aside/place" "$place"
echo "$place"
