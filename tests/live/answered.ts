/**
 * Which packets a host answers, as its kernel counts it, and which scans our
 * program reports of them.
 *
 * @module
 */

import { assertEquals } from "../assert.ts";
import {
  type Bytes,
  concat,
  internetChecksum,
  ipv4,
  ipv6,
  NEXT_TCP,
  tcp,
} from "../packets.ts";
import { startDaemon } from "./daemon.ts";
import { inject } from "./inject.ts";
import {
  HOST,
  HOST_IPV6,
  SCANNER,
  SCANNER_IPV6,
  type TwoHosts,
} from "./namespaces.ts";
import { eventually, pause } from "./processes.ts";

/** Ports that are closed on the host. */
export const CLOSED_PORTS: readonly number[] = [21, 22, 23, 25, 53, 80, 111];

/** Frames of one scan: a SYN for each of {@linkcode CLOSED_PORTS}. */
export interface Scan {
  /** What is special about it. */
  name: string;
  /** Whose it is. */
  source: string;
  frames: Uint8Array[];
}

/** A SYN that the host takes, with a true checksum. */
export function syn(
  source: string,
  destinationPort: number,
  sequence: number,
): Bytes {
  const isIpv4 = !source.includes(":");
  const ends = { source, destination: isIpv4 ? HOST : HOST_IPV6 };
  const segment = tcp({ destinationPort, sequence });
  const blank = isIpv4 ? ipv4(segment, ends) : ipv6(segment, ends);
  const addresses = isIpv4 ? blank.subarray(12, 20) : blank.subarray(8, 40);
  // The pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1).
  const length = [0, 0, 0, segment.length, 0, 0, 0, NEXT_TCP];
  const sum = internetChecksum(concat(addresses, length, segment));
  segment.set([sum >> 8, sum & 0xff], 16);
  return isIpv4 ? ipv4(segment, ends) : ipv6(segment, ends);
}

/** Resets that the host has sent since it started. */
async function resets({ host }: TwoHosts): Promise<number> {
  const text = await host.run(["cat", "/proc/net/snmp"]);
  const [names, values] = text.split("\n").filter((l) => l.startsWith("Tcp:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("OutRsts")]);
}

/**
 * Sends each scan, and proves that those which the host answers are reported,
 * and no others, by the program as it is and with the original's rules alone.
 *
 * @param isClassic Whether these rules report a scan that the host answers.
 * @returns The names of those that the host answers.
 */
export async function assertReportedIfAnswered(
  two: TwoHosts,
  scans: readonly Scan[],
  isClassic: (scan: Scan, isAnswered: boolean) => boolean,
): Promise<string[]> {
  const { host, scanner } = two;
  await host.run(["ip", "route", "add", "default", "via", SCANNER]);
  await host.run(["ip", "-6", "route", "add", "default", "via", SCANNER_IPV6]);
  for (const name of ["all", "default", "eth0"]) {
    await host.set(`net.ipv4.conf.${name}.rp_filter=0`);
  }
  const args = ["--output", "stdout", "--log-burst", "0"];
  await using daemon = await startDaemon(host, args);
  await using classic = await startDaemon(host, [...args, "--classic"]);
  const answered: Scan[] = [];
  for (const scan of scans) {
    const before = await resets(two);
    await inject(scanner, scan.frames);
    await pause(20);
    const count = await resets(two) - before;
    if (count === CLOSED_PORTS.length) answered.push(scan);
    else assertEquals(count, 0, scan.name);
  }
  const expected = [
    answered,
    scans.filter((scan) => isClassic(scan, answered.includes(scan))),
  ].map((list) => list.map(({ source }) => source).sort());
  for (const [i, { stdout }] of [daemon, classic].entries()) {
    const seen = () =>
      stdout.map((line) =>
        line.replace(/^\[?([0-9a-f.:]+?)(\]?:\d+)? to .*$/, "$1")
      )
        .sort();
    await eventually(
      () => seen().length >= expected[i].length,
      () => `${expected[i].length} lines, not\n${stdout.join("\n")}`,
    );
    await pause(200);
    assertEquals(seen(), expected[i]);
  }
  return answered.map(({ name }) => name);
}
