#!/usr/bin/env bash
# rpm.bash FOLDER: what becomes of old.rpm and new.rpm of the folder in a root of
# their own, which is gone with this script. systemd does not run there.

set -euo pipefail
folder=$1
root=$folder/root

make_root() {
  mkdir "$folder/layers" "$root"
  mount -t tmpfs tmpfs "$folder/layers"
  mkdir "$folder/layers/upper" "$folder/layers/work"
  mount -t overlay overlay "$root" \
    -o "lowerdir=/,upperdir=$folder/layers/upper,workdir=$folder/layers/work"
  mount --bind "$folder" "$root/mnt"
  mount -t tmpfs tmpfs "$root/run"
  mount -t proc proc "$root/proc"
  # Debian's program has the same names.
  rm -f "$root/usr/sbin/scanlogd" "$root/etc/init.d/scanlogd"
}

# Debian's packages, on which ours depends, are unknown to rpm.
inside() {
  chroot "$root" rpm --nodeps "$@"
}

# files TITLE: those of ours.
files() {
  find "$root"/{etc,usr,var} -xdev -name '*scanlogd*' -printf '/%P\n' |
    LC_ALL=C sort | sed "s|^|$1: |"
}

make_root
files before
inside --install /mnt/old.rpm
chroot "$root" getent passwd scanlogd | sed 's/^/user: /'
echo 'OPTIONS="--utc"' >"$root/etc/default/scanlogd"
inside --upgrade /mnt/new.rpm
chroot "$root" rpm --query scanlogd-deno | sed 's/^/version: /'
sed 's/^/configuration: /' "$root/etc/default/scanlogd"
inside --erase scanlogd-deno
files after
