import { AddressSet } from "../../../mod.ts";
import { assertEquals } from "../../assert.ts";
import { HostWatch, portsFrom, SEVEN, Watch } from "../../watch.ts";

const destination = "2001:db8:ffff::2";

/** Seven probes, each from another of the sources in turn. */
function probe(watch: Watch, sources: readonly string[], time = 0): void {
  for (const [i, destinationPort] of SEVEN.entries()) {
    const source = sources[i % sources.length];
    watch.send({ source, destination, destinationPort, time });
  }
}

Deno.test("an IPv6 source with its port stands in brackets", () => {
  const watch = new Watch();
  probe(watch, ["2001:db8::7"]);
  assertEquals(watch.lines, [
    "[2001:db8::7]:40000 to 2001:db8:ffff::2 ports 21, 22, 23, 25, 53, 80, ..., " +
    "fSrpauxy, TOS 00, TTL 64 @06:40:13",
  ]);
});

Deno.test("an IPv6 source whose port varied stands without brackets", () => {
  const watch = new Watch();
  watch.scan(SEVEN.slice(1), { source: "2001:db8::7", destination });
  const source = "2001:db8::7";
  watch.send({ source, destination, destinationPort: 21, sourcePort: 1 });
  assertEquals(watch.lines[0].split(" ")[0], "2001:db8::7");
});

Deno.test("an IPv6 source that varied inside its /64 is told as network, without port", () => {
  const watch = new Watch();
  probe(watch, ["2001:db8::7", "2001:db8::8", "2001:db8:0:0:ffff::1"]);
  assertEquals(watch.lines, [
    "2001:db8::/64 to 2001:db8:ffff::2 ports 21, 22, 23, 25, 53, 80, ..., " +
    "fSrpauxy, TOS 00, TTL 64 @06:40:13",
  ]);
  assertEquals(watch.scans[0].sourcePort, undefined);
  assertEquals(watch.detector.sources, 1);
});

Deno.test("the source varied even if only the completing packet came from elsewhere", () => {
  const watch = new Watch();
  watch.scan(SEVEN.slice(1), { source: "2001:db8::7", destination });
  watch.send({ source: "2001:db8::8", destination, destinationPort: 21 });
  assertEquals(watch.scans[0].source, "2001:db8::/64");
});

Deno.test("the source of a slow scan varied from one run to the next", () => {
  const watch = new HostWatch({ home: AddressSet.from([destination]) });
  for (const [i, destinationPort] of [...SEVEN, 443].entries()) {
    const source = `2001:db8::${i + 7}`;
    watch.receive({ source, destination, destinationPort, time: i * 10_000 });
  }
  watch.detector.finish();
  assertEquals(watch.scans.map(({ rule, source }) => [rule, source]), [
    ["slow", "2001:db8::/64"],
  ]);
});

Deno.test("another source inside the prefix is noticed in each word of the address", () => {
  const source = "2001:db8:1:2:3:4:5:6";
  for (
    const other of [
      "2001:db9:1:2:3:4:5:6",
      "2001:db8:1:3:3:4:5:6",
      "2001:db8:1:2:4:4:5:6",
      "2001:db8:1:2:3:4:5:7",
    ]
  ) {
    const watch = new Watch({ ipv6Prefix: 16 });
    probe(watch, [source, other]);
    assertEquals(watch.scans[0].source, "2001::/16", other);
    assertEquals(watch.scans[0].sourcePort, undefined);
  }
});

Deno.test("an IPv4 source and its mapped form are one, though it changes families", () => {
  const ipv4 = { source: "192.0.2.1", destination: "198.51.100.2" };
  const ipv6 = { source: "::ffff:192.0.2.1", destination };
  // Both forms of one destination are one destination.
  const mapped = { ...ipv6, destination: "::ffff:198.51.100.2" };
  for (
    const [first, second, changed] of [
      [ipv4, ipv6, true],
      [ipv6, ipv4, true],
      [ipv4, mapped, false],
      [mapped, ipv4, false],
    ] as const
  ) {
    const watch = new Watch();
    watch.scan(SEVEN.slice(0, 3), first);
    watch.scan(SEVEN.slice(3), second);
    assertEquals(watch.detector.sources, 1);
    const [scan] = watch.scans;
    assertEquals(scan.source, "192.0.2.1");
    assertEquals(scan.sourcePort, 40_000);
    assertEquals(scan.otherDestinations, changed);
    const told = first === mapped ? "198.51.100.2" : first.destination;
    assertEquals(scan.destination, told);
  }
});

Deno.test("sources of different /64 do not add up", () => {
  const watch = new Watch();
  probe(watch, ["2001:db8:0:1::7", "2001:db8:0:2::7"]);
  assertEquals(watch.lines, []);
  assertEquals(watch.detector.sources, 2);
});

Deno.test("link-local sources count per address, over all of fe80::/10", () => {
  for (const prefix of ["fe80", "fe80:0:0:1", "febf:ffff"]) {
    const watch = new Watch();
    probe(watch, [`${prefix}::7`, `${prefix}::8`]);
    assertEquals(watch.lines, [], prefix);
    assertEquals(watch.detector.sources, 2);
    probe(watch, [`${prefix}::9`]);
    assertEquals(watch.scans.length, 1);
    assertEquals(watch.scans[0].sourcePort, 40_000);
  }
});

Deno.test("neighbours of fe80::/10 count per /64", () => {
  for (const prefix of ["fe7f", "fec0"]) {
    const watch = new Watch();
    probe(watch, [`${prefix}::7`, `${prefix}::8`]);
    assertEquals(watch.scans[0].source, `${prefix}::/64`);
  }
});

Deno.test("sources on the link count per address, and the set may change", () => {
  const onLink = AddressSet.from(["2001:db8:0:5::/64"]);
  const watch = new Watch({ onLink });
  probe(watch, ["2001:db8:0:5::7", "2001:db8:0:5::8"]);
  assertEquals(watch.lines, []);
  probe(watch, ["2001:db8:0:6::7", "2001:db8:0:6::8"]);
  assertEquals(watch.scans.map(({ source }) => source), ["2001:db8:0:6::/64"]);
  onLink.assign(new AddressSet());
  probe(watch, ["2001:db8:0:5::7", "2001:db8:0:5::8"], 10_000);
  assertEquals(watch.scans[1].source, "2001:db8:0:5::/64");
});

const PREFIXES: readonly [prefix: number, sources: string[], told: string][] = [
  [128, ["2001:db8::7"], "2001:db8::7"],
  [48, ["2001:db8:9:1::7", "2001:db8:9:2::8"], "2001:db8:9::/48"],
  [56, ["2001:db8:9:12::7", "2001:db8:9:13::8"], "2001:db8:9::/56"],
  [33, ["2001:db8:8000::7", "2001:db8:ffff::8"], "2001:db8:8000::/33"],
  [1, ["8000::7", "ffff::8"], "8000::/1"],
  [127, ["2001:db8::6", "2001:db8::7"], "2001:db8::6/127"],
];

for (const [ipv6Prefix, sources, told] of PREFIXES) {
  Deno.test(`with a prefix of ${ipv6Prefix} the source is ${told}`, () => {
    const watch = new Watch({ ipv6Prefix });
    probe(watch, sources);
    assertEquals(watch.scans.map(({ source }) => source), [told]);
  });
}

Deno.test("with a prefix of 128 neighbours do not add up", () => {
  const watch = new Watch({ ipv6Prefix: 128 });
  probe(watch, ["2001:db8::6", "2001:db8::7"]);
  assertEquals(watch.lines, []);
});

Deno.test("IPv4 sources count per address, whatever the prefix", () => {
  const watch = new Watch({ ipv6Prefix: 1 });
  watch.scan(SEVEN.slice(1), { source: "192.0.2.1" });
  watch.send({ source: "192.0.2.2", destinationPort: 21 });
  assertEquals(watch.lines, []);
  watch.send({ source: "192.0.2.1", destinationPort: 21 });
  assertEquals(watch.scans[0].source, "192.0.2.1");
});

Deno.test("an IPv4 source and the IPv6 /64 around the mapped addresses stay apart", () => {
  const watch = new Watch();
  watch.scan(SEVEN.slice(1), { source: "192.0.2.1" });
  watch.send({ source: "::9", destination, destinationPort: 21 });
  assertEquals(watch.lines, []);
});

Deno.test("an IPv4-mapped source prints as IPv4", () => {
  const watch = new Watch();
  probe(watch, ["::ffff:192.0.2.9"]);
  assertEquals(watch.lines[0].split(" ")[0], "192.0.2.9:40000");
});

Deno.test("other destinations are noticed in each word of the address", () => {
  for (
    const other of [
      "2001:db8:ffff::3",
      "2001:db9:ffff::2",
      "2001:db8:fffe::2",
      "2001:db8:ffff:0:0:1::2",
    ]
  ) {
    const watch = new Watch();
    const source = "2001:db8::7";
    watch.scan(SEVEN.slice(1), { source, destination });
    watch.send({ source, destination: other, destinationPort: 21 });
    assertEquals(watch.scans[0].otherDestinations, true, other);
    assertEquals(watch.scans[0].destination, destination);
  }
});

Deno.test("long addresses leave as many ports as the longest IPv4 ones do", () => {
  const listed = (source: string, destination: string) => {
    const watch = new Watch();
    watch.scan(portsFrom(50_000, 21), { source, destination });
    return watch.lines[0].split(" ports ")[1].split(", ...")[0].split(", ")
      .length;
  };
  const long = "2001:db8:1111:2222:3333:4444:5555:6666";
  const ipv4 = listed("255.255.255.255", "255.255.255.254");
  assertEquals(ipv4 > 0, true);
  // The brackets take two bytes, which may cost a port but no more.
  assertEquals([ipv4, ipv4 - 1].includes(listed(long, long)), true);
});
