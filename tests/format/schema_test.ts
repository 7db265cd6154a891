/** Real output is what the schemas of `docs/` say, and nothing else passes. */

import fc from "fast-check";
import { formatEcs } from "../../format/ecs.ts";
import { findScans, formatJson } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../assert.ts";
import { captureFiles, conformanceFiles } from "../captures.ts";
import { Process } from "../live/processes.ts";
import { assertEcs, assertEvent } from "../schema.ts";
import * as reports from "./reports.ts";

const OPTIONS = { host: "web1", interfaceName: () => "eth0" };

Deno.test("whatever is reported is as the schemas say", () => {
  fc.assert(
    fc.property(reports.report, fc.boolean(), (report, isNamed) => {
      const options = isNamed ? OPTIONS : {};
      assertEvent(formatJson(report, options));
      assertEcs(formatEcs(report, options));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a program that a test runs must write what the schemas say", async () => {
  const run = async (line: string) => {
    await using process = new Process(["echo", line]);
    await process.end();
  };
  const flood = formatJson({ type: "flood", completed: 0 });
  await run(flood);
  await run("{ no object of ours }");
  const wrong = flood.replace("portscan_flood", "portscan_storm");
  await assertRejects(() => run(wrong), Error, "portscan_storm");
  const ecs = formatEcs({ type: "flood", completed: 0 });
  await run(ecs);
  await assertRejects(() => run(ecs.replace('"event"', '"evil"')), Error);
});

Deno.test("the scans of all test captures are as the schemas say", async () => {
  let count = 0;
  for (
    const { path, isReadable, isPacked } of [
      ...captureFiles(),
      ...conformanceFiles(),
    ]
  ) {
    if (!isReadable || isPacked) continue;
    for await (const report of findScans(Deno.readFileSync(path))) {
      assertEvent(formatJson(report, OPTIONS));
      assertEcs(formatEcs(report, OPTIONS));
      count++;
    }
  }
  assert(count > 100, `${count} reports`);
});

Deno.test("the schemas refuse what is missing, wrong or unknown", () => {
  const [scan] = fc.sample(reports.scan, 1);
  const event = JSON.parse(formatJson(scan));
  const ecs = JSON.parse(formatEcs(scan));
  const wrong = (object: object, change: object) =>
    JSON.stringify({ ...object, ...change });
  for (
    const change of [
      ...[{ src_ip: undefined }, { src_ip: "x" }, { dest_ports: [65_536] }],
      ...[{ rule: "decoys" }, { event_type: "portscan_end" }, { more: 1 }],
      ...[{ timestamp: "today" }, { tcp_flags: "2" }, { ttl: 256 }],
    ]
  ) {
    assertThrows(() => assertEvent(wrong(event, change)), Error, "{");
  }
  for (
    const change of [{ ecs: undefined }, { source: { ip: "x" } }, { x: 1 }]
  ) {
    assertThrows(() => assertEcs(wrong(ecs, change)), Error, "{");
  }
  assertEquals([event.event_type, ecs.event.kind], ["portscan", "alert"]);
});
