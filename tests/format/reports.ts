/**
 * Reports at random, of every kind.
 *
 * @module
 */

import fc from "fast-check";
import type {
  Decoys,
  Report,
  Scan,
  ScanEnd,
  SharedOut,
  Unlogged,
  UnloggedSource,
} from "../../mod.ts";

const octets = fc.tuple(
  ...[fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.nat(255), fc.nat(255)],
);
/** An address. */
export const ipv4 = octets.map((values) => values.join("."));

const groups = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 });
/** An address in its canonical form, as the program and fail2ban write it. */
export const ipv6 = groups.map((values) => {
  const text = values.map((value) => value.toString(16)).join(":");
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
});

const address = fc.oneof(ipv4, ipv6);
const port = fc.nat(65_535);
const time = fc.nat(2 ** 40);
const protocol = fc.constantFrom(
  "tcp" as const,
  "udp" as const,
  "sctp" as const,
  "ip" as const,
);

function maybe<T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(values, { nil: undefined });
}

/** Addresses of a scan's source and of its destination: of one version. */
const ends = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));

export const scan: fc.Arbitrary<Scan> = ends.chain(([source, destination]) =>
  fc.record<Scan>({
    type: fc.constant("scan"),
    rule: fc.constantFrom(
      ...["classic", "refusals", "udp", "sctp", "slow", "sweep"] as const,
    ),
    protocol,
    targets: maybe(fc.nat(65_536)),
    hosts: maybe(fc.nat(65_536)),
    verified: fc.boolean(),
    source: fc.constant(source),
    sourcePort: maybe(port),
    destination: fc.constant(destination),
    otherDestinations: fc.boolean(),
    ports: fc.array(port, { minLength: 1, maxLength: 99 }),
    completingPort: port,
    flagsAlwaysSet: fc.nat(255),
    flagsEverSet: fc.nat(255),
    tos: maybe(fc.nat(255)),
    ttl: maybe(fc.nat(255)),
    firstSeen: time,
    completed: time,
  })
);

export const decoys: fc.Arbitrary<Decoys> = scan.chain((scan) =>
  fc.record<Decoys>({
    type: fc.constant("decoys"),
    sources: fc.integer({ min: 2, max: 65_536 }),
    names: fc.array(address, { minLength: 2, maxLength: 64 }),
    likely: maybe(scan.source.includes(":") ? ipv6 : ipv4),
    scan: fc.constant(scan),
    completed: time,
  })
);

const network = fc.oneof(
  ipv4.map((address) => address.replace(/\d+$/, "0/24")),
  fc.constant("2001:db8:7::/48"),
);

export const sharedOut: fc.Arbitrary<SharedOut> = scan.chain((scan) =>
  fc.record<SharedOut>({
    type: fc.constant("shared"),
    network,
    sources: fc.integer({ min: 2, max: 65_536 }),
    scan: fc.constant(scan),
    completed: time,
  })
);

const name: fc.Arbitrary<UnloggedSource> = fc.record({
  source: address,
  standing: fc.constantFrom("seen", "answered", "verified"),
  packets: fc.nat(2 ** 32),
});

export const unlogged: fc.Arbitrary<Unlogged> = fc.array(name, {
  maxLength: 50,
}).chain((names) =>
  fc.record<Unlogged>({
    type: fc.constant("unlogged"),
    scans: fc.nat(2 ** 32),
    sources: fc.oneof(
      fc.constant(names.length),
      fc.integer({ min: names.length, max: 65_536 }),
    ),
    names: fc.constant(names),
    completed: time,
  })
);

export const end: fc.Arbitrary<ScanEnd> = ends.chain(([source, destination]) =>
  fc.record<ScanEnd>({
    type: fc.constant("end"),
    source: fc.constant(source),
    destination: fc.constant(destination),
    otherDestinations: fc.boolean(),
    protocol,
    duration: fc.nat(10 ** 9),
    packets: fc.nat(2 ** 32),
    ports: fc.integer({ min: 1, max: 65_536 }),
    openPorts: fc.uniqueArray(port, { maxLength: 64 })
      .map((ports) => ports.toSorted((a, b) => a - b)),
    verified: fc.boolean(),
    firstSeen: time,
    completed: time,
  })
);

/** The same reports, of hosts of ours that scan others. */
export const outgoing: fc.Arbitrary<Report> = fc.oneof(
  fc.oneof(scan, unlogged, end).map((report) => ({
    ...report,
    direction: "outgoing" as const,
  })),
  fc.oneof(decoys, sharedOut).map((report) => ({
    ...report,
    scan: { ...report.scan, direction: "outgoing" as const },
  })),
);

export const report: fc.Arbitrary<Report> = fc.oneof(
  scan,
  decoys,
  sharedOut,
  unlogged,
  end,
  outgoing,
  time.map((completed) => ({ type: "flood" as const, completed })),
);
