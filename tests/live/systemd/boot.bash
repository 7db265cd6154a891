#!/usr/bin/env bash
# boot.bash FOLDER: boots systemd with nothing but its journal, which runs
# FOLDER/script; what that writes stands in FOLDER/told. What FOLDER/files holds
# is put over the machine's own files, and $DENO, $CACHE and $CHECKOUT are at
# /opt/deno, /opt/cache and /opt/checkout: services do not see home directories.
#
# systemd gets namespaces of its own, and what it changes in files, it changes in
# an overlay that is gone with it.

set -euo pipefail
folder=$1
root=$folder/root

# with_groups COMMAND...: the kernel's tree of groups of processes is mounted.
with_groups() {
  mkdir -p "$folder/groups"
  mount -t cgroup2 cgroup2 "$folder/groups"
  group=$folder/groups/$(basename "$folder")
  "$@"
  umount "$folder/groups"
}

# So that systemd neither sees nor makes groups outside.
enter_group() {
  mkdir "$group"
  echo 0 >"$group/cgroup.procs"
}

# What systemd has made in the group stays when it ends.
remove_group() {
  find "$group" -depth -type d -exec rmdir {} +
}

make_root() {
  local layers=$folder/layers
  mkdir "$root" "$layers"
  mount -t tmpfs tmpfs "$layers"
  mkdir "$layers/upper" "$layers/work"
  mount -t overlay overlay "$root" \
    -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work"
  mount -t proc proc "$root/proc"
  mount -o bind,ro "$root/proc/sys" "$root/proc/sys"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs tmpfs "$root/run"
  mount -t tmpfs tmpfs "$root/tmp"
  mount --bind "$folder" "$root/mnt"
}

copy_files() {
  cp -r --no-preserve=ownership "$folder/files/." "$root/"
  mkdir -p "$root/opt/cache" "$root/opt/checkout"
  touch "$root/opt/deno"
  mount --bind "$DENO" "$root/opt/deno"
  mount --bind "$CACHE" "$root/opt/cache"
  mount --bind "$CHECKOUT" "$root/opt/checkout"
}

make_devices() {
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  local name
  for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
  done
  mkdir "$root/dev/shm" "$root/dev/pts"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
}

write_units() {
  local units=$root/etc/systemd/system
  cat >"$units/test.target" <<END
[Unit]
Requires=systemd-journald.service test.service
END
  cat >"$units/test.service" <<END
[Unit]
DefaultDependencies=no
After=systemd-journald.service
[Service]
Type=oneshot
ExecStart=/bin/bash /mnt/script
ExecStopPost=/bin/systemctl poweroff --force --force
StandardOutput=append:/mnt/told
StandardError=append:/mnt/told
END
}

boot() {
  make_root
  make_devices
  copy_files
  write_units
  ip link set lo up
  exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /lib/systemd/systemd --system --unit=test.target \
    --show-status=no
}

case ${2:-outside} in
  outside)
    # How systemd ends when it powers off says nothing.
    unshare --mount --pid --fork --kill-child --net --uts --ipc \
      bash "$0" "$folder" inside || true
    unshare --mount bash "$0" "$folder" clean
    ;;
  inside)
    with_groups enter_group
    exec unshare --cgroup bash "$0" "$folder" boot
    ;;
  boot) boot ;;
  clean) with_groups remove_group ;;
esac
