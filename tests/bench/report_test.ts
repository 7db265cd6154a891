import { FULL } from "../../bench/benchmark.ts";
import type { Bar } from "../../bench/figures.ts";
import { withBenchTable } from "../../bench/readme.ts";
import { describeBar, formatValue, type Report } from "../../bench/report.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";

const BAR: Bar = {
  case: "steady",
  what: "time",
  contender: "ours",
  compared: { to: "reference", by: "ratio" },
  atMost: 0.5,
  unit: "",
  found: 0.25,
  met: true,
};

const REPORT: Report = {
  date: "2026-01-02T03:04:05.678Z",
  deno: "2.9.6",
  kernel: "6.18.0-custom",
  processor: "Some processor",
  processors: 2,
  load: 0,
  amounts: FULL,
  benchmarks: [{
    name: "replay",
    title: "replay of files",
    figures: [
      { ...BAR, unit: "ns", rounds: [50, 70, 60] },
      { ...BAR, contender: "reference", unit: "ns", rounds: [240, 230, 250] },
    ],
    bars: [BAR],
  }],
};

Deno.test("a value has about three digits and its unit", () => {
  assertEquals(formatValue(1234.5, "ns"), "1,235 ns");
  assertEquals(formatValue(12.345, "ms"), "12.3 ms");
  assertEquals(formatValue(0.123, "%"), "0.12 %");
  assertEquals(formatValue(0, ""), "0");
});

Deno.test("a bar tells what is asked for, what was found and if that is met", () => {
  assertEquals(
    describeBar(BAR),
    "steady: time, ours: at most 0.5 x reference: 0.25, met",
  );
  const missed = { ...BAR, found: 0.75, met: false };
  assertStringIncludes(describeBar(missed), "0.75, NOT MET");
  const missing = { ...BAR, found: undefined, met: undefined };
  assertStringIncludes(describeBar(missing), "not measured");
  assertEquals(
    describeBar({ ...BAR, case: "", compared: undefined, unit: "ms" }),
    "time, ours: at most 0.5 ms: 0.25 ms, met",
  );
});

Deno.test("the README's block is replaced and the rest stays", () => {
  const text = withBenchTable(
    "before\n<!-- bench -->old<!-- /bench -->\nafter",
    REPORT,
  );
  assertEquals(text.startsWith("before\n<!-- bench -->\n\nMeasured on "), true);
  assertEquals(text.endsWith("\n\n<!-- /bench -->\nafter"), true);
  assertStringIncludes(text, "2026-01-02: Some processor, 2 processors");
  const row = text.split("\n").find((line) => line.includes("replay"))!;
  assertEquals(
    row.split("|").slice(1, -1).map((cell) => cell.trim()),
    [
      ...["replay, steady: time", "60.0 ns", "240 ns"],
      ...["at most 0.5 x reference", "yes: 0.25"],
    ],
  );
  assertEquals(withBenchTable(text, REPORT), text);
});

Deno.test("a README without the block is refused", () => {
  assertThrows(() => withBenchTable("no markers", REPORT), SyntaxError);
});
