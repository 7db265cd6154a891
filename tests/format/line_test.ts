import fc from "fast-check";
import { type Decoys, formatReport, type Scan } from "../../mod.ts";
import { formatFlags, MAX_LINE } from "../../library/format.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import { START } from "../packets.ts";
import { portsFrom } from "../watch.ts";

const SCAN: Scan = {
  type: "scan",
  rule: "classic",
  protocol: "tcp",
  verified: false,
  source: "10.77.0.1",
  sourcePort: 49_124,
  destination: "10.77.0.2",
  otherDestinations: false,
  ports: [22, 23, 111, 21, 25, 143],
  completingPort: 80,
  flagsAlwaysSet: 0x02,
  flagsEverSet: 0x02,
  tos: 0,
  ttl: 64,
  firstSeen: START,
  completed: START + 5000,
};

function line(change: Partial<Scan> = {}, maxLine?: number): string {
  return formatReport({ ...SCAN, ...change }, { utc: true, maxLine });
}

Deno.test("the lines of the design", () => {
  assertEquals(
    line({ ttl: undefined }),
    "10.77.0.1:49124 to 10.77.0.2 ports 22, 23, 111, 21, 25, 143, ..., fSrpauxy, TOS 00 @06:40:13",
  );
  assertEquals(
    line({
      sourcePort: undefined,
      otherDestinations: true,
      ports: [21, 135, 53, 139, 22, 113],
      flagsAlwaysSet: 0,
    }),
    "10.77.0.1 to 10.77.0.2 and others, ports 21, 135, 53, 139, 22, 113, ..., f?rpauxy, TOS 00, TTL 64 @06:40:13",
  );
  assertEquals(
    line({
      source: "2001:db8::7",
      sourcePort: 40_000,
      destination: "2001:db8::1",
    }),
    "[2001:db8::7]:40000 to 2001:db8::1 ports 22, 23, 111, 21, 25, 143, ..., fSrpauxy, TOS 00, TTL 64 @06:40:13",
  );
  assertEquals(
    formatReport({ type: "flood", completed: START }),
    "More possible port scans follow",
  );
});

Deno.test("TOS is two hexadecimal digits, TTL decimal, both may be left out", () => {
  const tail = (change: Partial<Scan>) => line(change).split("y").at(-1);
  assertEquals(tail({ tos: 0x0a, ttl: 255 }), ", TOS 0a, TTL 255 @06:40:13");
  assertEquals(tail({ tos: 0xc0, ttl: 0 }), ", TOS c0, TTL 0 @06:40:13");
  assertEquals(tail({ tos: undefined }), ", TTL 64 @06:40:13");
  assertEquals(tail({ tos: undefined, ttl: undefined }), " @06:40:13");
});

Deno.test("source port 0 is a port", () => {
  assertEquals(line({ sourcePort: 0 }).split(" ")[0], "10.77.0.1:0");
});

Deno.test("the time is the first packet's, in two digits each", () => {
  const time = (firstSeen: number) => line({ firstSeen }).slice(-9);
  assertEquals(time(Date.UTC(2026, 0, 1, 0, 0, 0)), "@00:00:00");
  assertEquals(time(Date.UTC(2026, 0, 1, 23, 59, 59, 999)), "@23:59:59");
  assertEquals(time(Date.UTC(2026, 0, 1, 3, 4, 5, 0.5)), "@03:04:05");
});

Deno.test("without `utc` the time is local", () => {
  const firstSeen = new Date(2026, 6, 1, 6, 7, 8).getTime();
  const local = formatReport({ ...SCAN, firstSeen });
  assertEquals(local.slice(-9), "@06:07:08");
});

Deno.test("flags: upper case always, lower case never, ? at times", () => {
  assertEquals(formatFlags(0, 0), "fsrpauxy");
  assertEquals(formatFlags(0xff, 0xff), "FSRPAUXY");
  assertEquals(formatFlags(0, 0xff), "????????");
  for (const [bit, letter] of [..."FSRPAUXY"].entries()) {
    const expected = (sign: string) =>
      "fsrpauxy".slice(0, bit) + sign + "fsrpauxy".slice(bit + 1);
    assertEquals(formatFlags(1 << bit, 1 << bit), expected(letter));
    assertEquals(formatFlags(0, 1 << bit), expected("?"));
  }
});

const LONGEST: Partial<Scan> = {
  source: "222.222.222.222",
  destination: "223.223.223.223",
  otherDestinations: true,
  ports: portsFrom(50_000, 20),
  ttl: 255,
};

/** How many ports a line lists. */
function listed(text: string): number {
  return /ports (.*), \.\.\.,/.exec(text)![1].split(", ").length;
}

Deno.test("a line has at most 120 bytes: so many ports as fit", () => {
  assertEquals(MAX_LINE, 120);
  const text = line(LONGEST);
  assertEquals(
    text,
    "222.222.222.222:49124 to 223.223.223.223 and others, ports 50000, 50001, 50002, ..., fSrpauxy, TOS 00, TTL 255 @06:40:13",
  );
  assertEquals(text.length, 120);
  // One byte less, and a port goes.
  assertEquals(listed(line(LONGEST, 119)), 2);
});

Deno.test("at least one port stays, however short the line is to be", () => {
  assertEquals(listed(line(LONGEST, 1)), 1);
  assertEquals(listed(line({ ...LONGEST, ports: [50_000] }, 1)), 1);
});

Deno.test("a line may be as long as it likes with maxLine 0", () => {
  const ports = portsFrom(50_000, 3000);
  assertEquals(listed(line({ ports }, 0)), 3000);
});

Deno.test("the completing port is not listed", () => {
  assert(!line({}, 0).includes("80"));
});

Deno.test("what IPv6 addresses have beyond 15 characters does not count", () => {
  const long = "2001:db8:1111:2222:3333:4444:5555:6666"; // 38
  const network = "2001:db8:1111:2222::/64"; // 23
  const ports = portsFrom(50_000, 20);
  const at = (source: string, destination: string) =>
    line({ source, destination, ports, sourcePort: undefined });
  const short = at("222.222.222.222", "223.223.223.223");
  for (
    const [source, destination, excess] of [
      [long, long, 2 * 23],
      [network, long, 8 + 23],
      [network, "223.223.223.223", 8],
      ["222.222.222.222", long, 23],
    ] as const
  ) {
    const text = at(source, destination);
    assertEquals(listed(text), listed(short));
    assertEquals(text.length, short.length + excess);
  }
});

Deno.test("as many ports as fit, never one less", () => {
  const octet = fc.nat(255);
  const scan = fc.record({
    source: fc.tuple(octet, octet, octet, octet).map((o) => o.join(".")),
    destination: fc.tuple(octet, octet, octet, octet).map((o) => o.join(".")),
    sourcePort: fc.option(fc.nat(65_535), { nil: undefined }),
    otherDestinations: fc.boolean(),
    ports: fc.array(fc.nat(65_535), { minLength: 1, maxLength: 20 }),
    tos: fc.option(octet, { nil: undefined }),
    ttl: fc.option(octet, { nil: undefined }),
  });
  fc.assert(
    fc.property(scan, fc.integer({ min: 60, max: 200 }), (change, maxLine) => {
      const text = line(change, maxLine);
      const count = listed(text);
      const all = change.ports;
      assert(text.includes(` ports ${all.slice(0, count).join(", ")}, ..., `));
      if (count > 1) assertLessOrEqual(text.length, maxLine);
      if (count < all.length) {
        assert(text.length + `, ${all[count]}`.length > maxLine);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("UDP and SCTP stand in place of the flags", () => {
  const udp: Partial<Scan> = {
    rule: "udp",
    protocol: "udp",
    sourcePort: 49_124,
    ports: [53, 67, 123],
    flagsAlwaysSet: 0,
    flagsEverSet: 0,
  };
  assertEquals(
    line({ ...udp, tos: undefined, ttl: undefined }),
    "10.77.0.1:49124 to 10.77.0.2 ports 53, 67, 123, ..., udp @06:40:13",
  );
  assertEquals(
    line({ ...udp, protocol: "sctp", rule: "sctp", otherDestinations: true }),
    "10.77.0.1:49124 to 10.77.0.2 and others, ports 53, 67, 123, ..., sctp, TOS 00, TTL 64 @06:40:13",
  );
  // What the flags would take is there for ports.
  const more = (protocol: Scan["protocol"]) =>
    listed(line({ ...LONGEST, protocol }));
  assertEquals([more("tcp"), more("sctp"), more("udp")], [3, 3, 3]);
  assertEquals(listed(line({ ...LONGEST, protocol: "udp" }, 122)), 4);
  assertEquals(listed(line({ ...LONGEST, protocol: "sctp" }, 122)), 3);
});

Deno.test("other rules' scans look like classic ones; unknown flags are ?", () => {
  for (const rule of ["slow", "sweep", "refusals"] as const) {
    assertEquals(line({ rule, verified: true }), line());
  }
  assert(
    line({ rule: "refusals", flagsAlwaysSet: 0x10, flagsEverSet: 0xfb })
      .includes(", ..., ??r?A???, "),
  );
});

const DECOYS: Decoys = {
  type: "decoys",
  sources: 31,
  names: ["192.0.2.1", "192.0.2.2"],
  likely: "10.77.0.1",
  scan: { ...SCAN, ports: [22, 23, 111] },
  completed: START + 8000,
};
const IPV6 = "2001:db8:1111:2222:3333:4444:5555:6666"; // 38

function decoys(
  change: Partial<Decoys> = {},
  scan: Partial<Scan> = {},
  maxLine?: number,
): string {
  const report = { ...DECOYS, ...change, scan: { ...DECOYS.scan, ...scan } };
  return formatReport(report, { utc: true, maxLine });
}

Deno.test("sources in lockstep are one line, with the likely one if there is one", () => {
  assertEquals(
    decoys(),
    "31 sources in lockstep, likely 10.77.0.1, to 10.77.0.2 ports 22, 23, 111, ..., fSrpauxy @06:40:13",
  );
  assertEquals(
    decoys({ likely: undefined }),
    "31 sources in lockstep to 10.77.0.2 ports 22, 23, 111, ..., fSrpauxy @06:40:13",
  );
  assertEquals(
    decoys({ likely: undefined }, {
      otherDestinations: true,
      tos: 8,
      ttl: 64,
      protocol: "sctp",
    }),
    "31 sources in lockstep to 10.77.0.2 and others, ports 22, 23, 111, ..., sctp @06:40:13",
  );
});

Deno.test("a line of decoys lists as many ports as fit, whatever the addresses' version", () => {
  const ports = portsFrom(50_000, 20);
  const short = decoys({ likely: "222.222.222.222" }, {
    destination: "223.223.223.223",
    ports,
  });
  assertEquals(
    short,
    "31 sources in lockstep, likely 222.222.222.222, to 223.223.223.223 ports 50000, 50001, 50002, ..., fSrpauxy @06:40:13",
  );
  const longest = decoys({ sources: 65_536, likely: "222.222.222.222" }, {
    destination: "223.223.223.223",
    otherDestinations: true,
    ports,
    tos: 0,
    ttl: 64,
  });
  assertLessOrEqual(longest.length, 120);
  const long = decoys({ likely: IPV6 }, { destination: IPV6, ports });
  assertEquals(long.length, short.length + 2 * 23);
  assertEquals(listed(long), listed(short));
  assertEquals(listed(decoys({}, { ports }, 1)), 1);
  assertEquals(listed(decoys({}, { ports }, 0)), 20);
});
