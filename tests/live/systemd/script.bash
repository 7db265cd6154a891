#!/usr/bin/env bash
# What a test does on a machine that boot.bash has booted: runs the service, and
# tells of it.

scan() {
  local port
  for port in 21 22 23 25 53 79 80 110 111 113; do
    (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null
  done
  sleep 1
}

# state TITLE: what became of the service.
state() {
  echo "$1: $? $(systemctl show -P ActiveState scanlogd)"
}

systemd-sysusers scanlogd.conf
systemd-tmpfiles --create scanlogd.conf
echo 'OPTIONS="-o syslog -o file:/var/log/scanlogd/scans.log"' \
  >/etc/default/scanlogd

systemctl start scanlogd
state started
scan
systemctl reload scanlogd
state reloaded
sleep 4 # one scan, one line: until the first is forgotten
scan
systemctl restart systemd-journald
state "after the journal was started anew"
sleep 4
scan
grep -E '^(Uid|Cap...|NoNewPrivs|Seccomp):' \
  "/proc/$(systemctl show -P MainPID scanlogd)/status"
systemctl stop scanlogd
state stopped

stat -c '%n %a %U' /var/log/scanlogd /var/log/scanlogd/scans.log
sed 's/^/file: /' /var/log/scanlogd/scans.log
# As the filter of fail2ban looks for them.
journalctl _SYSTEMD_UNIT=scanlogd.service PRIORITY=1 \
  --output=cat --no-pager | sed 's/^/journal: /'

# For whoever has to find out what went wrong.
journalctl --no-pager --lines=30
