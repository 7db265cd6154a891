#!/usr/bin/env bash
# What a test does on a machine that boot.bash has booted: the package and the
# tarball come and go, beside Debian's scanlogd and alone, and it tells of it.

export DEBIAN_FRONTEND=noninteractive
# Whoever made this machine may have kept daemons off.
rm -f /usr/sbin/policy-rc.d

# told TITLE COMMAND...: its lines, behind the title.
told() {
  "${@:2}" 2>&1 </dev/null | sed "s/^/$1: /"
}

# state TITLE: what became of the service.
state() {
  echo "$1: $? $(systemctl is-active scanlogd) $(systemctl is-enabled scanlogd 2>/dev/null)"
}

# Every name of a file, but for those of the package manager's own books.
names() {
  find /etc /usr /var /opt/scanlogd -xdev 2>/dev/null |
    grep -vE '^/var/(lib/(dpkg|systemd|ucf)|cache|log/(journal|dpkg\.log|alternatives))|^/usr/lib/udev|\.cache$' |
    LC_ALL=C sort
}

# left TITLE: what there is that was not there before, and the other way round.
left() {
  names | diff /mnt/before - | grep '^[<>]' | sed "s/^/$1: /"
  echo "$1: $(getent passwd scanlogd)"
}

scan() {
  local port
  for port in 21 22 23 25 53 79 80 110 111 113; do
    (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null
  done
  sleep 1
}

beside_debians() {
  names >/mnt/before
  told "foreign" /mnt/tarball/install | grep ': it stays'
  /mnt/tarball/install --uninstall >/dev/null
  left "after the tarball"

  dpkg --install /mnt/old.deb
  state "instead of Debian's"
  dpkg --purge scanlogd
  systemctl restart scanlogd
  state "without Debian's"
  dpkg --purge scanlogd-deno
}

alone() {
  userdel scanlogd 2>/dev/null
  names >/mnt/before
  dpkg --install /mnt/old.deb
  state "installed"
  scan
  told "scan" journalctl _SYSTEMD_UNIT=scanlogd.service PRIORITY=1 \
    --output=cat --no-pager
  echo 'OPTIONS="--utc"' >/etc/default/scanlogd
  mkdir -p /var/log/scanlogd
  touch /var/log/scanlogd.log.1.gz /var/log/scanlogd/scans.log

  local before
  before=$(systemctl show -P MainPID scanlogd)
  dpkg --install /mnt/new.deb
  state "upgraded"
  echo "restarted: $([ "$before" != "$(systemctl show -P MainPID scanlogd)" ] && echo yes)"
  told "version" dpkg-query -W scanlogd-deno
  told "configuration" cat /etc/default/scanlogd

  dpkg --remove scanlogd-deno
  state "removed"
  told "configuration" cat /etc/default/scanlogd
  told "program" ls /usr/sbin/scanlogd
  dpkg --install /mnt/new.deb
  state "installed again"
  told "configuration" cat /etc/default/scanlogd
  dpkg --purge scanlogd-deno
  state "purged"
  left "after the purge"
}

beside_debians
alone
journalctl --no-pager --lines=30
