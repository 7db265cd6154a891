/**
 * The matrix: each kind of scan of each kind of ports, on hosts with every
 * firewall and every setting that decides what can be known of a packet.
 *
 * @module
 */

import type { Defence, Family } from "./techniques.ts";

/** nmap's options, and what makes the difference. */
export const SCANS = [
  "-sS",
  "-sT",
  "-sF",
  "-sN",
  "-sX",
  "-sM",
  "-sA",
  "-sW",
  "-sU",
  "-sY",
  "--scanflags SYNACK",
  "--scanflags ACKURG",
  "--scanflags SYNRST",
  "-sO",
] as const;

/** A privileged range, and one of the usual ephemeral ports. */
export const PORTS = ["1-100", "40000-40099"] as const;

/** `net.ipv4.ip_local_port_range`: the kernel's own, and a wide one. */
export const RANGES = ["default", "1024-65000"] as const;

/** One case. */
export interface Combination {
  scan: typeof SCANS[number];
  /** "all" for IP protocols, which have none. */
  ports: typeof PORTS[number] | "all";
  family: Family;
  defence: Defence;
  range: typeof RANGES[number];
  /** Whether the kernel's port memory is there. */
  memory: boolean;
}

/** The hosts; nothing listens where there is no firewall. */
export const TITLES: Readonly<Record<Defence, string>> = {
  open: "no firewall",
  reject: "REJECT",
  reset: "REJECT with tcp-reset",
  drop: "DROP",
};
const DEFENCES = Object.keys(TITLES) as Defence[];

/** All of them. */
export function allCombinations(): Combination[] {
  const all: Combination[] = [];
  for (const scan of SCANS) {
    for (const ports of scan === "-sO" ? ["all" as const] : PORTS) {
      for (const family of [4, 6] as const) {
        for (const defence of DEFENCES) {
          for (const range of RANGES) {
            for (const memory of [true, false]) {
              all.push({ scan, ports, family, defence, range, memory });
            }
          }
        }
      }
    }
  }
  return all;
}

/** What a combination is called. */
export function nameOf(combination: Combination): string {
  const { scan, ports, family, defence, range, memory } = combination;
  return [
    `nmap ${family === 6 ? "-6 " : ""}${scan}`,
    ...(ports === "all" ? [] : [`-p ${ports}`]),
    TITLES[defence],
    `ephemeral ports: ${range}`,
    memory ? "port memory" : "no port memory",
  ].join(", ");
}

/** Probes that count only if their port is not in use. */
const WITH_ACK_OR_UDP: readonly string[] = [
  "-sM",
  "-sA",
  "-sW",
  "-sU",
  "--scanflags SYNACK",
  "--scanflags ACKURG",
];
/** Those that the plain filter takes for bulk traffic: only refusals tell. */
const BULK: readonly string[] = ["-sA", "-sW", "-sU", "-sO"];

/** Whether nothing can tell the scan: see docs/limits.md. */
export function isUnseen(
  { scan, ports, family, defence, memory }: Combination,
): boolean {
  if (memory) return false;
  const isEphemeral = ports === "40000-40099";
  if (isEphemeral && WITH_ACK_OR_UDP.includes(scan)) return true;
  // Netfilter refuses no IPv6 packet of a protocol that it does not know.
  if (scan === "-sO" && family === 6) return defence !== "open";
  return defence === "drop" && BULK.includes(scan);
}

/**
 * How many seconds after the first probe the line must be out. Who gets no answer
 * to `nmap -sT` is asked for ten ports at once, for ten more after 3 s, and after
 * 5 s for the 21st, which completes a scan of high ports; IPv6 hosts refuse six.
 */
export function patienceFor({ scan, ports, defence }: Combination): number {
  const isSilent = defence === "drop" || defence === "reject";
  return scan === "-sT" && ports === "40000-40099" && isSilent ? 8 : 4;
}

/** The pairs of values that a combination is an example of. */
function pairsOf(combination: Combination): string[] {
  const values = Object.entries(combination).map(([key, value]) =>
    `${key}=${value}`
  );
  return values.flatMap((first, i) =>
    values.slice(i + 1).map((second) => `${first}, ${second}`)
  );
}

/**
 * Few combinations that are examples of every pair of values: of a scan that can
 * be seen wherever there is one. Each next one is that which adds most.
 */
export function coveringCombinations(): Combination[] {
  const all = allCombinations();
  const chosen: Combination[] = [];
  const missing = new Set(all.flatMap(pairsOf));
  const newPairs = (combination: Combination) =>
    pairsOf(combination).filter((pair) => missing.has(pair));
  const cover = (candidates: readonly Combination[]) => {
    for (;;) {
      const [best, count] = mostBy(candidates, (each) => newPairs(each).length);
      if (count === 0) return;
      for (const pair of newPairs(best)) missing.delete(pair);
      chosen.push(best);
    }
  };
  cover(all.filter((each) => !isUnseen(each)));
  cover(all);
  return chosen;
}

function mostBy<T>(
  items: readonly T[],
  count: (item: T) => number,
): [T, number] {
  return items.map((item): [T, number] => [item, count(item)])
    .reduce((best, each) => each[1] > best[1] ? each : best);
}
