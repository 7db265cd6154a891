/** Scans that must be found, and whose sources must be named. */

import type { DetectorOptions, Report } from "../../mod.ts";
import { TCP_SYN } from "../../library/packet.ts";
import { assert, assertEquals, assertLess } from "../assert.ts";
import { portsFrom } from "../watch.ts";
import {
  address,
  ends,
  type Found,
  hosts,
  HOUR,
  MINUTE,
  SCANNER,
  SECOND,
  Traffic,
  watch,
} from "./traffic.ts";

const HOME: DetectorOptions = { home: hosts("198.51.0.0/16") };

/** Whether a line names a source. */
function isNamed({ lines }: Found, source = SCANNER): boolean {
  const bounded = new RegExp(`(^|[ ,])${RegExp.escape(source)}([ ,:]|$)`);
  return lines.some((line) => bounded.test(line));
}

function assertNamed(found: Found, source = SCANNER): void {
  assert(isNamed(found, source), `not named: ${found.lines.join("\n")}`);
}

/** Refused SYNs to ports of a host. */
function refused(ports: readonly number[], pause: number, init = {}): Traffic {
  const traffic = new Traffic();
  const first = ends(init);
  for (const [i, port] of ports.entries()) {
    const time = first.time + i * pause;
    traffic.probe("syn", "refused", { ...first, port, time });
  }
  return traffic;
}

/** One port of 200 hosts, of which nobody answers. */
function sweep(pause: number, count = 200): Traffic {
  const traffic = new Traffic();
  for (let i = 0; i < count; i++) {
    const host = address("198.51", 512 + i);
    traffic.probe("syn", i % 2 === 0 ? "silent" : "refused", {
      ...ends({ host, port: 445, time: i * pause }),
    });
  }
  return traffic;
}

Deno.test("a sweep of 200 hosts is not hidden by 100 half-open connections", () => {
  const traffic = sweep(10);
  for (let i = 0; i < 100; i++) {
    const [sourcePort, time] = [51_000 + i, i * 20 + 3];
    traffic.probe("syn", "open", ends({ port: 443, sourcePort, time }));
  }
  assertNamed(watch(traffic, HOME));
});

Deno.test("a sweep of 200 hosts is not hidden by 130 short connections", () => {
  const traffic = sweep(10);
  for (let i = 0; i < 130; i++) {
    const [sourcePort, time] = [51_000 + i, i * 15 + 3];
    traffic.connect(ends({ port: 443, sourcePort, time }));
  }
  assertNamed(watch(traffic, HOME));
});

Deno.test("an accomplice that answers at the same ports hides nothing", () => {
  const ports = portsFrom(2000, 300);
  const accomplice = new Traffic();
  for (const [i, port] of ports.entries()) {
    const host = "198.51.100.9";
    accomplice.probe("syn", "open", ends({ host, port, time: i * 10 + 0.4 }));
  }
  const found = watch(refused(ports, 10).add(accomplice), HOME);
  assertNamed(found);
});

Deno.test("an accomplice that connects from the same ports hides nothing", () => {
  const ports = portsFrom(2000, 300);
  const traffic = new Traffic();
  for (const [i, port] of ports.entries()) {
    const time = i * 10;
    const other = { source: SCANNER, sourcePort: 443, host: "198.51.100.9" };
    traffic.send({ ...other, port, time }, { flags: TCP_SYN });
    traffic.probe("ack", "refused", ends({ port, time: time + MINUTE }));
  }
  assertNamed(watch(traffic, HOME));
});

for (const runs of [6, 50]) {
  Deno.test(`${runs} bursts of 20 refused ports from 33000 on, 3.1 s apart`, () => {
    const traffic = new Traffic();
    for (let run = 0; run < runs; run++) {
      const time = run * 3100;
      traffic.add(refused(portsFrom(33_000 + 20 * run, 20), 1, { time }));
    }
    const found = watch(traffic);
    assertEquals(found.lines.length, 1, found.lines.join("\n"));
    assertNamed(found);
  });
}

Deno.test("whose scan was lost among 400 forged ones is named within two minutes", () => {
  const traffic = new Traffic();
  const ports = portsFrom(1, 30);
  for (let i = 0; i < 400; i++) {
    const source = address("203.0", i);
    const time = 100 * i;
    traffic.add(refused(ports, 1, { source, sourcePort: 2_000 + i, time }));
  }
  const time = 10_050;
  traffic.add(refused(portsFrom(5_000, 22), 1, { time }));
  // Two minutes of pauses that no pause of a scan is longer than.
  traffic.add(refused(portsFrom(6_000, 42), 2_800, { time: time + 2_800 }));
  const found = watch(traffic, { logBurst: 5 });
  assertNamed(found);
  assertLess(timeOfName(found), time + 2 * MINUTE + 50);
});

/** How long after the start's first line a source was named. */
function timeOfName({ reports, lines }: Found): number {
  const index = lines.findIndex((line) => line.includes(SCANNER));
  return completed(reports[index]) - completed(reports[0]);
}

function completed({ completed }: Report): number {
  return completed;
}

Deno.test("the 129th decoy and later ones are named when they go on", () => {
  const traffic = new Traffic();
  for (const [round, port] of portsFrom(20, 10).entries()) {
    for (let i = 0; i < 140; i++) {
      const source = address("203.0", i);
      const time = round * 100 + i * 0.1;
      traffic.probe("syn", "refused", ends({ source, port, time }));
    }
  }
  const late = [128, 139].map((i) => address("203.0", i));
  for (const [i, source] of late.entries()) {
    const sourcePort = 41_000 + i;
    const init = { source, sourcePort, time: 10 * SECOND };
    traffic.add(refused(portsFrom(100 + 100 * i, 60), 1_000, init));
  }
  const found = watch(traffic, { logBurst: 5 });
  for (const source of late) assertNamed(found, source);
});

for (
  const [addresses, first] of [[12, 3000], [6, 20]]
) {
  const count = first < 1024 ? 6 : 10;
  Deno.test(`${addresses} addresses of ours, ${count} ports from ${first} on of each`, () => {
    const traffic = new Traffic();
    const own = Array.from({ length: addresses }, (_, i) => {
      return address("198.51", 300 + i);
    });
    for (const [i, host] of own.entries()) {
      const time = 100 * i;
      traffic.add(refused(portsFrom(first, count), 10, { host, time }));
    }
    assertNamed(watch(traffic, { local: hosts(...own) }));
    assertNamed(watch(traffic, HOME));
  });
}

Deno.test("60 sources of a /24 with 4 ports each", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 60; i++) {
    const init = { source: `203.0.113.${3 + 4 * i}`, sourcePort: 2_000 + i };
    const ports = portsFrom(3_000 + 4 * i, 4);
    traffic.add(refused(ports, 300, { ...init, time: 2 * SECOND * i }));
  }
  const { reports } = watch(traffic);
  const [shared] = reports;
  assert(shared?.type === "shared", "reported as shared out");
  assertEquals([reports.length, shared.network], [1, "203.0.113.0/24"]);
});

Deno.test("80 networks of a /48 with 4 ports each", () => {
  const traffic = new Traffic();
  for (let i = 0; i < 80; i++) {
    const source = `2001:db8:7:${i.toString(16)}::1`;
    const init = { source, host: "2001:db8::2", sourcePort: 2_000 + i };
    const ports = portsFrom(3_000 + 4 * i, 4);
    traffic.add(refused(ports, 300, { ...init, time: 2 * SECOND * i }));
  }
  const { reports } = watch(traffic);
  const [shared] = reports;
  assert(shared?.type === "shared", "reported as shared out");
  assertEquals([reports.length, shared.network], [1, "2001:db8:7::/48"]);
});

Deno.test("a sweep of one host each 5 s over 230 hosts", () => {
  assertNamed(watch(sweep(5 * SECOND, 230), HOME));
});

Deno.test("200 open ports, each connection reset by the scanner", () => {
  const traffic = new Traffic();
  for (const [i, port] of portsFrom(3_000, 200).entries()) {
    traffic.probe("syn", "open", ends({ port, time: i * 5 }));
  }
  assertNamed(watch(traffic));
});

Deno.test("a scan that was reported as slow is reported again when it is fast", () => {
  const slow = refused(portsFrom(2_000, 120), 15 * SECOND);
  const reports = (found: Found) => found.decisions.size;
  const before = watch(slow);
  assertEquals(reports(before), 1);
  const time = HOUR;
  const fast = refused(portsFrom(10_000, 6_000), 1, { time });
  const found = watch(new Traffic().add(slow, fast));
  assertEquals(reports(found), 2);
  assertEquals(found.reports.length, 2, found.lines.join("\n"));
});

/** Sources in lockstep, each of whose probes is refused. */
function lockstep(sources: readonly string[], from: number): Traffic {
  const traffic = new Traffic();
  for (const [round, port] of portsFrom(20, 20).entries()) {
    for (const [i, source] of sources.entries()) {
      const time = from + round * 20 + i * 0.03;
      traffic.probe("syn", "refused", ends({ source, port, time }));
    }
  }
  return traffic;
}

const DECOYS = Array.from({ length: 10 }, (_, i) => address("203.0", i));

Deno.test("whom a forger gives two packets more is not called likely", () => {
  const traffic = lockstep([SCANNER, ...DECOYS], 0);
  // The innocent's kernel resets the SYN-ACK that it did not ask for.
  const open = ends({ source: DECOYS[3], port: 443, time: 200 });
  traffic.probe("syn", "open", open);
  const { reports } = watch(traffic);
  const groups = reports.filter(({ type }) => type === "decoys");
  assertEquals(groups.length, 1);
  for (const group of groups) {
    assert(group.type === "decoys");
    assertEquals([group.sources, group.likely], [11, undefined]);
  }
});

Deno.test("decoys of a source that was reported before: it is one of them, and likely", () => {
  const traffic = refused(portsFrom(2_000, 30), 5);
  traffic.connect(ends({ port: 443, sourcePort: 50_001, time: 4 * SECOND }));
  traffic.add(lockstep([SCANNER, ...DECOYS], 20 * SECOND));
  const { reports } = watch(traffic);
  const group = reports.find(({ type }) => type === "decoys");
  assert(group?.type === "decoys", "a group is reported");
  assertEquals([group.sources, group.likely], [11, SCANNER]);
  for (const report of reports) {
    if (report.type === "scan") assertEquals(report.source, SCANNER);
  }
});
