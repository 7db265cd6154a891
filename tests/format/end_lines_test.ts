/** What is told when a flood or a scan ends. */

import {
  formatReport,
  type ScanEnd,
  type Unlogged,
  type UnloggedSource,
} from "../../mod.ts";
import { assert, assertEquals, assertLessOrEqual } from "../assert.ts";
import { START } from "../packets.ts";
import { portsFrom } from "../watch.ts";

const IPV6 = "2001:db8:1111:2222:3333:4444:5555:6666"; // 38

/** Sources 198.51.100.0 and on. */
function seen(count: number): UnloggedSource[] {
  return Array.from({ length: count }, (_, i) => ({
    source: `198.51.${100 + (i >> 8)}.${i & 0xff}`,
    standing: "seen",
    packets: 7,
  }));
}

function unlogged(change: Partial<Unlogged>, maxLine?: number): string[] {
  const names = change.names ?? [];
  return formatReport({
    type: "unlogged",
    scans: 37,
    sources: names.length,
    names,
    completed: START,
    ...change,
  }, { maxLine }).split("\n");
}

const BEST: UnloggedSource[] = [
  { source: "10.77.0.1", standing: "verified", packets: 2000 },
  { source: "192.0.2.9", standing: "answered", packets: 50 },
];

Deno.test("what the flood limit kept back is told in lines full of names", () => {
  assertEquals(unlogged({ names: [...BEST, ...seen(11)], sources: 31 }), [
    "37 port scans of 31 sources not logged: 10.77.0.1 (verified), 192.0.2.9 (answered), 198.51.100.0, 198.51.100.1",
    "Not logged either: 198.51.100.2, 198.51.100.3, 198.51.100.4, 198.51.100.5, 198.51.100.6, 198.51.100.7, 198.51.100.8",
    "Not logged either: 198.51.100.9, 198.51.100.10 and 18 others",
  ]);
  assertEquals(unlogged({ names: BEST }), [
    "37 port scans of 2 sources not logged: 10.77.0.1 (verified), 192.0.2.9 (answered)",
  ]);
});

Deno.test("1 scan, 1 source, 1 other, and none at all", () => {
  assertEquals(unlogged({ names: seen(1), scans: 1 }), [
    "1 port scan of 1 source not logged: 198.51.100.0",
  ]);
  assertEquals(unlogged({ names: seen(1), scans: 2, sources: 2 }), [
    "2 port scans of 2 sources not logged: 198.51.100.0 and 1 other",
  ]);
  assertEquals(unlogged({ names: [], scans: 2, sources: 2 }), [
    "2 port scans of 2 sources not logged",
  ]);
});

Deno.test("a name goes to the next line if `and N others` would not fit", () => {
  const names = seen(3);
  const text = unlogged({ names, sources: 3 })[0];
  assertEquals(unlogged({ names, sources: 3 }, text.length), [text]);
  assertEquals(unlogged({ names, sources: 4 }, text.length), [
    "37 port scans of 4 sources not logged: 198.51.100.0, 198.51.100.1",
    "Not logged either: 198.51.100.2 and 1 other",
  ]);
});

Deno.test("1000 names: five lines, and the rest are counted", () => {
  const lines = unlogged({ names: seen(1000), sources: 5000 });
  assertEquals(lines.length, 5);
  const named = lines.flatMap((text) => text.match(/198\.51\.\d+\.\d+/g) ?? []);
  assertEquals(named, seen(named.length).map(({ source }) => source));
  assert(lines[4].endsWith(` and ${5000 - named.length} others`), lines[4]);
  for (const text of lines) assertLessOrEqual(text.length, 120);
  // Another name would not fit into any but the last.
  for (const text of lines.slice(0, 4)) {
    assert(text.length + ", 198.51.100.99".length > 120, text);
  }
});

Deno.test("without a limit there is one line with all names", () => {
  const [text, ...rest] = unlogged({ names: seen(1000), sources: 1001 }, 0);
  assertEquals(rest, []);
  assertEquals(text.match(/198\.51\.\d+\.\d+/g)?.length, 1000);
  assert(text.endsWith(" and 1 other"));
});

Deno.test("at least one name a line stays, however short the lines are to be", () => {
  assertEquals(unlogged({ names: seen(7) }, 1), [
    "37 port scans of 7 sources not logged: 198.51.100.0",
    "Not logged either: 198.51.100.1",
    "Not logged either: 198.51.100.2",
    "Not logged either: 198.51.100.3",
    "Not logged either: 198.51.100.4 and 2 others",
  ]);
});

Deno.test("as many IPv6 sources are named as long IPv4 ones", () => {
  const named = (source: string) =>
    unlogged({
      names: Array.from({ length: 50 }, () => ({
        source,
        standing: "verified" as const,
        packets: 1,
      })),
    }).map((text) => text.split("verified").length - 1);
  assertEquals(named(IPV6), named("222.222.222.222"));
});

const END: ScanEnd = {
  type: "end",
  source: "10.77.0.1",
  destination: "10.77.0.2",
  otherDestinations: false,
  protocol: "tcp",
  duration: 2345,
  packets: 1005,
  ports: 1000,
  openPorts: [22, 80],
  verified: false,
  firstSeen: START,
  completed: START + 2345,
};

function end(change: Partial<ScanEnd> = {}, maxLine?: number): string {
  return formatReport({ ...END, ...change }, { utc: true, maxLine });
}

Deno.test("the end of a scan is told with its size and the open ports", () => {
  assertEquals(
    end(),
    "10.77.0.1 scanned 1000 ports of 10.77.0.2 with 1005 packets in 2.3 s, open: 22, 80 @06:40:13",
  );
  assertEquals(
    end({ openPorts: [] }),
    "10.77.0.1 scanned 1000 ports of 10.77.0.2 with 1005 packets in 2.3 s @06:40:13",
  );
  assertEquals(
    end({ ports: 1, packets: 1, otherDestinations: true, openPorts: [22] }),
    "10.77.0.1 scanned 1 port of 10.77.0.2 and others with 1 packet in 2.3 s, open: 22 @06:40:13",
  );
});

/** Milliseconds, and how they are written. */
const DURATIONS: [milliseconds: number, text: string][] = [
  [0, "0 ms"],
  [0.4, "0 ms"],
  [350, "350 ms"],
  [999.4, "999 ms"],
  [999.5, "1.0 s"],
  [1000, "1.0 s"],
  [2345, "2.3 s"],
  [9949, "9.9 s"],
  [9950, "10 s"],
  [59_499, "59 s"],
  [59_500, "1.0 min"],
  [90_000, "1.5 min"],
  [720_000, "12 min"],
  [3_569_999, "59 min"],
  [3_570_000, "1.0 h"],
  [12_600_000, "3.5 h"],
  [86_400_000, "24 h"],
  [1_000_000_000, "278 h"],
];

Deno.test("durations have the unit that fits, also after rounding", () => {
  for (const [duration, text] of DURATIONS) {
    const written = /packets in (.*) @/.exec(end({ duration, openPorts: [] }))!;
    assertEquals(written[1], text, `${duration}`);
  }
});

Deno.test("open ports are cut to fit, and told to be cut", () => {
  const openPorts = portsFrom(50_000, 64);
  assertEquals(
    end({ openPorts }),
    "10.77.0.1 scanned 1000 ports of 10.77.0.2 with 1005 packets in 2.3 s, open: 50000, 50001, 50002, 50003, ... @06:40:13",
  );
  assertEquals(end({ openPorts }, 0).match(/50\d{3}/g)?.length, 64);
  assert(!end({ openPorts }, 0).includes("..."));
  // The longest of all: no port, but it is told that there are.
  const longest = end({
    source: "222.222.222.222",
    destination: "223.223.223.223",
    otherDestinations: true,
    ports: 65_536,
    packets: 2 ** 32 - 1,
    duration: 59 * 60_000,
    openPorts,
  });
  assertEquals(
    longest,
    "222.222.222.222 scanned 65536 ports of 223.223.223.223 and others with 4294967295 packets in 59 min, open: ... @06:40:13",
  );
  assertEquals(longest.length, 120);
});

Deno.test("IPv6 addresses leave as much room for open ports", () => {
  const openPorts = portsFrom(50_000, 64);
  const short = end({
    source: "222.222.222.222",
    destination: "223.223.223.223",
    openPorts,
  });
  const long = end({ source: IPV6, destination: IPV6, openPorts });
  assertEquals(long.length, short.length + 2 * 23);
});

Deno.test("that there are open ports is left out where not even that fits", () => {
  const change = {
    source: `${IPV6}/128`,
    destination: IPV6,
    otherDestinations: true,
    packets: 4_294_967_295,
    ports: 65_535,
    duration: 320_000,
  };
  const line = end(change);
  assert(!line.includes("open"), line);
  const uncounted = 2 * (IPV6.length - 15) + "/128".length;
  assertLessOrEqual(line.length - uncounted, 120);
  assert(end({ ...change, packets: 9 }).includes(", open: 22, 80 @"));
});
