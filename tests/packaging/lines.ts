/**
 * Lines, for those who ban whom lines name.
 *
 * @module
 */

const PORTS = "ports 22, 23, 111, 21, 25, 143, ...";

/** Forms that no vector has, and whom they name. */
export const FURTHER: readonly [string, string][] = [
  [
    `[2001:db8::7]:40000 to 2001:db8::1 ${PORTS}, fSrpauxy, TOS 00, TTL 64 @06:40:13`,
    "2001:db8::7",
  ],
  [
    `2001:db8::7 to 2001:db8::1 and others, ${PORTS}, fSrpauxy, TTL 64 @06:40:13`,
    "2001:db8::7",
  ],
  [
    `2001:db8::/64 to 2001:db8::1 ${PORTS}, ??????xy @06:40:13`,
    "2001:db8::/64",
  ],
  [`fe80::1 to ff02::1 ${PORTS}, fSrpauxy @06:40:13`, "fe80::1"],
  [
    `10.77.0.1 to 10.77.0.2 ${PORTS}, udp, TOS 00, TTL 64 @06:40:13`,
    "10.77.0.1",
  ],
  [`10.77.0.1:53 to 10.77.0.2 ${PORTS}, sctp @06:40:13`, "10.77.0.1"],
  [`10.77.0.1 to 10.77.0.2 ports 1, 2, 4, 6, ..., ip @06:40:13`, "10.77.0.1"],
  [`10.77.0.1 to 10.77.0.2 ${PORTS}, ??R?A??? @06:40:13`, "10.77.0.1"],
  [`10.77.0.1 to 10.77.0.2 ports 22, ..., fSrpauxy @06:40:13`, "10.77.0.1"],
];

/** A scan. */
export const SCAN = `192.0.2.7 to 192.0.2.1 ${PORTS}, fSrpauxy @06:40:13`;

/** What other programs, or strangers through them, may write. */
export const OTHERS: readonly string[] = [
  "scanlogd: More possible port scans follow",
  "scanlogd: watching: raw, all interfaces",
  "scanlogd: 1200 packets seen, 0 dropped by the kernel, 2 sources, 3 scans, 0 suppressed",
  `sshd[7]: Invalid user scanlogd: ${SCAN} from 198.51.100.1 port 22`,
  `sshd[7]: Invalid user x scanlogd: ${SCAN}`,
  `sshd[7]: ${SCAN}`,
  `kernel: scanlogd: ${SCAN}`,
  `other-host scanlogd: ${SCAN}`,
  `xscanlogd: ${SCAN}`,
  `scanlogd-x: ${SCAN}`,
  `scanlogd: x ${SCAN}`,
  `scanlogd: ${SCAN} x`,
  `scanlogd: ${SCAN.replace("192.0.2.7", "host.example.org")}`,
  `scanlogd: ${SCAN.replace("192.0.2.7", "192.0.2.7.8")}`,
  `scanlogd: ${SCAN.replace("192.0.2.1", "host.example.org")}`,
  `scanlogd: ${SCAN.replace("22,", "222222,")}`,
  `scanlogd: ${SCAN.replace("..., ", "")}`,
  `scanlogd: ${SCAN.replace("fSrpauxy", "fSrpauxyz")}`,
  `scanlogd: ${SCAN.replace("fSrpauxy", "icmp")}`,
  `scanlogd: ${SCAN.replace("fSrpauxy", "xfSrpauy")}`,
  `scanlogd: ${SCAN.replace(" @06:40:13", "")}`,
  `scanlogd: ${SCAN.replace(" ports", " port")}`,
  `scanlogd: 31 sources in lockstep, likely ${SCAN.replace(" to", ", to")}`,
  `scanlogd: 60 sources of ${SCAN.replace("2.7", "2.0/24")}`,
  `scanlogd: outgoing: ${SCAN}`,
  `scanlogd: outgoing: 1 port scan of 1 source not logged: 192.0.2.7 (verified)`,
  `scanlogd: 2 port scans of 2 sources not logged: 192.0.2.7, 192.0.2.8`,
  `scanlogd: 2 port scans of 2 sources not logged: 192.0.2.7 (answered)`,
  `scanlogd: Not logged either: 192.0.2.7 (answered), 192.0.2.8 and 1 other`,
  `scanlogd: Not logged either: 192.0.2.7 (verified) x`,
  `sshd[7]: scanlogd: Not logged either: 192.0.2.7 (verified)`,
];
