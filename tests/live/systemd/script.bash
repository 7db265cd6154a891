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
# As node_exporter's package makes it.
textfiles=/var/lib/prometheus/node-exporter
mkdir -p "$textfiles"
cat >/etc/default/scanlogd <<OPTIONS
OPTIONS="-v -o syslog -o file:/var/log/scanlogd/scans.log --metrics $textfiles/scanlogd.prom"
OPTIONS

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
# A journal that does not read holds nothing up, and gets all once it does.
systemctl kill --signal=SIGSTOP systemd-journald
for _ in 1 2; do
  sleep 4
  scan
done
wc -l </var/log/scanlogd/scans.log | sed 's/^/while the journal stood still: /'
systemctl kill --signal=SIGCONT systemd-journald
sleep 2
grep -E '^(Uid|Cap...|NoNewPrivs|Seccomp):' \
  "/proc/$(systemctl show -P MainPID scanlogd)/status"
journalctl _SYSTEMD_UNIT=scanlogd.service --output=cat --no-pager |
  grep -o 'the kernel remembers.*' | sed 's/^/memory: /'
systemctl stop scanlogd
state stopped

sed -n 's/^scanlogd_scans_total  */metrics: &/p' "$textfiles/scanlogd.prom" |
  tr -s ' '
stat -c '%n %a %U' /var/log/scanlogd /var/log/scanlogd/scans.log
sed 's/^/file: /' /var/log/scanlogd/scans.log
# As the filter of fail2ban looks for them.
journalctl _SYSTEMD_UNIT=scanlogd.service PRIORITY=1 \
  --output=cat --no-pager | sed 's/^/journal: /'

# For whoever has to find out what went wrong.
journalctl --no-pager --lines=30
