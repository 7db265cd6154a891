/** What the flood limit keeps back, and what is told of it after all. */

import {
  assert,
  assertEquals,
  assertLess,
  assertLessOrEqual,
} from "../../assert.ts";
import { below, seeded } from "../../random.ts";
import { START } from "../../watch.ts";
import { peers, PeersWatch } from "../probe/peers.ts";

const FORGED = peers(8);
const [ONE, TWO, THREE] = peers(3, "203.0");

/** A host in a flood: five scans were told, a sixth was kept back. */
function floodedHost(): PeersWatch {
  const host = new PeersWatch();
  for (const [i, source] of FORGED.slice(0, 6).entries()) {
    host.scanAlone(source, i * 5);
  }
  host.detector.advance(START + 290);
  assertEquals(host.reports.length, 6);
  assertEquals(host.detector.counters.scans, 6);
  return host;
}

/** How many scans and groups were told. */
function told({ reports }: PeersWatch): number {
  const isScan = ({ type }: { type: string }) =>
    type === "scan" || type === "decoys" || type === "shared";
  return reports.filter(isScan).length;
}

/** How many were told not to be told. */
function unlogged({ reports }: PeersWatch): number {
  return reports.reduce(
    (sum, report) => sum + (report.type === "unlogged" ? report.scans : 0),
    0,
  );
}

Deno.test("scans that are told late begin no new row of the flood limit", () => {
  const host = new PeersWatch();
  for (const [i, source] of FORGED.entries()) host.scanAlone(source, i * 20);
  // What breaks off is judged at once, before those that came earlier.
  host.answer(FORGED[7], 200);
  host.detector.advance(START + 1000);
  assertEquals(told(host), 5);
  host.detector.finish();
  assertEquals(host.detector.counters.suppressed, 3);
});

Deno.test("a group that was kept back counts once, however many of it prove real", () => {
  const host = floodedHost();
  const { counters } = host.detector;
  const group = [ONE, TWO, THREE];
  host.probeTogether(group, 300);
  host.probeTogether(group, 2500, [900]);
  host.detector.advance(START + 4000);
  assertEquals([counters.scans, counters.suppressed], [7, 0]);

  for (const source of group) host.verify(source, 4100);
  assertEquals(host.sources.slice(5), group);
  // The group was told by its first, the others are scans of their own.
  assertEquals([counters.scans, counters.suppressed], [9, 0]);

  host.scanAlone(FORGED[6], 4200);
  host.detector.finish();
  const closing = host.reports.find(({ type }) => type === "unlogged");
  assert(closing?.type === "unlogged");
  assertEquals([closing.scans, closing.sources], [2, 2]);
  assertEquals(
    closing.names.map(({ source }) => source).sort(),
    [FORGED[5], FORGED[6]],
  );
  assertEquals(counters.suppressed, 2);
});

Deno.test("the decoys of a group that is told after all are not listed as unlogged", () => {
  const host = floodedHost();
  host.probeTogether([ONE, TWO, THREE], 300);
  host.probeTogether([ONE, TWO, THREE], 2500, [900]);
  host.detector.advance(START + 4000);
  host.verify(TWO, 4100);
  host.detector.finish();
  assertEquals(host.sources.slice(5), [TWO]);
  assertEquals(
    host.lines.at(-1),
    `1 port scan of 1 source not logged: ${FORGED[5]}`,
  );
});

Deno.test("that verified scans are kept back is told, whatever has used up their limit", () => {
  const host = new PeersWatch({ logBurst: 1 });
  const types = () => host.reports.map(({ type }) => type);
  host.scanAlone(FORGED[0], 0);
  host.scanAlone(FORGED[1], 100);
  host.scanAlone(ONE, 200);
  host.scanAlone(TWO, 300);
  host.detector.advance(START + 400);
  assertEquals(types(), ["scan", "flood"]);
  host.verify(ONE, 500);
  assertEquals(types(), ["scan", "flood", "scan"]);
  host.verify(TWO, 600); // one too many
  assertEquals(types(), ["scan", "flood", "scan", "flood"]);
  host.verify(THREE, 700);
  host.scanAlone(THREE, 800);
  host.detector.advance(START + 900);
  assertEquals(types(), ["scan", "flood", "scan", "flood"]);
  host.detector.finish();
  const closing = host.lines.at(-1) ?? "";
  for (const source of [TWO, THREE]) {
    assert(closing.includes(`${source} (verified)`), closing);
  }
});

Deno.test("a verified member that comes too late for its limit is told as unlogged", () => {
  const host = new PeersWatch({ logBurst: 1 });
  host.probeTogether([ONE, TWO, THREE], 0);
  host.probeTogether([ONE, TWO, THREE], 2500, [900]);
  host.detector.advance(START + 3500);
  for (const source of [ONE, TWO, THREE]) host.verify(source, 3600);
  host.detector.finish();
  const types = host.reports.map(({ type }) => type);
  assertEquals(types, ["decoys", "scan", "flood", "unlogged"]);
  const { scans, suppressed } = host.detector.counters;
  assertEquals([scans, suppressed], [4, 2]);
  assertEquals(
    host.lines.at(-1),
    `2 port scans of 2 sources not logged: ${TWO} (verified), ${THREE} (verified)`,
  );
});

Deno.test("each scan that was found is told or counted as not told, once", () => {
  const pauses = [0, 100, 500, 1000, 2000, 3500];
  let released = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const random = seeded(seed);
    const logBurst = below(random, 4);
    const host = new PeersWatch({ logBurst, logDelay: 5000, ends: true });
    const { counters } = host.detector;
    const kept = () => counters.scans - told(host) - counters.suppressed;
    const sources = peers(600);
    for (let step = 0, time = 0; step < 200; step++) {
      time += 50 + pauses[below(random, pauses.length)];
      host.detector.advance(START + time);
      const keptBefore = kept();
      const { suppressed } = counters;
      const group = sources.slice(step * 3, step * 3 + 1 + below(random, 3));
      if (group.length === 1) host.scanAlone(group[0], time);
      else host.probeTogether(group, time);
      const recent = sources.slice(Math.max(0, step * 3 - 12), step * 3);
      for (const source of recent) {
        if (below(random, 8) === 0) host.verify(source, time + 40);
        if (below(random, 8) === 0) host.answer(source, time + 40);
      }
      // Whatever they do besides, they go on.
      host.probeTogether(recent, time + 45, [900 + step]);
      assertLessOrEqual(suppressed, counters.suppressed);
      assertLessOrEqual(0, kept());
      if (counters.suppressed === suppressed && kept() < keptBefore) released++;
    }
    host.detector.finish();
    assertEquals(kept(), 0, `seed ${seed}`);
    assertEquals(unlogged(host), counters.suppressed, `seed ${seed}`);
    for (const report of host.reports) {
      if (report.type !== "unlogged") continue;
      assertLessOrEqual(1, report.scans);
      assertLessOrEqual(report.names.length, report.sources);
    }
  }
  assertLess(50, released);
});

Deno.test("who is named after all leaves what is not logged, followed or not", () => {
  const host = floodedHost();
  const named = peers(5, "203.0");
  const others = peers(400, "198.19");
  const goOn = (time: number) => {
    for (const [i, source] of named.entries()) {
      host.receive({ source, destinationPort: 1000 + time % 997, time });
      host.detector.advance(START + time + i);
    }
  };
  for (const [i, source] of named.entries()) host.scanAlone(source, 300 + i);
  // They send less than those who come later, and lose their places to them.
  for (const [i, source] of others.entries()) {
    const time = 500 + i * 20;
    host.scanAlone(source, time);
    for (let port = 1000; port < 1040; port++) {
      host.receive({ source, destinationPort: port, time: time + 15 });
    }
    if (time % 2000 === 500) goOn(time + 18);
  }
  for (let time = 9000; time <= 21_000; time += 2000) goOn(time);
  assertEquals(host.sources.slice(5), named);
  host.detector.finish();
  const closing = host.reports.find(({ type }) => type === "unlogged");
  assert(closing?.type === "unlogged");
  const left = 1 + others.length;
  assertEquals([closing.scans, closing.sources], [left, left]);
  for (const { source } of closing.names) assert(!named.includes(source));
});
