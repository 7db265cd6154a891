import { FULL } from "../../bench/benchmark.ts";
import type { Bar } from "../../bench/figures.ts";
import { withBenchTable } from "../../bench/page.ts";
import { describeBar, formatValue, type Report } from "../../bench/report.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../assert.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

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

Deno.test("the page's block is replaced and the rest stays", () => {
  const text = withBenchTable(
    "before\n<!-- bench -->old<!-- /bench -->\nafter",
    REPORT,
  );
  assertEquals(text.startsWith("before\n<!-- bench -->\n\nMeasured on "), true);
  assertEquals(text.endsWith("\n\n<!-- /bench -->\nafter"), true);
  assertStringIncludes(text, "2026-01-02: Some processor, 2 processors");
  const lines = text.split("\n");
  assertTables(lines);
  const reader = lines.find((line) => line.includes("Openwall's scanlogd"))!;
  assertStringIncludes(reader, " 240 ns ");
  const row = lines.find((line) => line.includes("replay"))!;
  assertEquals(
    row.split("|").slice(1, -1).map((cell) => cell.trim()),
    [
      ...["replay, steady: time", "60.0 ns", "240 ns"],
      ...["at most 0.5 x reference", "yes: 0.25"],
    ],
  );
  assertEquals(withBenchTable(text, REPORT), text);
});

/** All rows of a table have as many cells as its head, and one rule follows it. */
function assertTables(lines: readonly string[]): void {
  const cells = (line: string) => line.split("|").length;
  const isRow = (line: string | undefined) => line?.startsWith("| ") ?? false;
  let tables = 0;
  for (const [i, line] of lines.entries()) {
    if (!isRow(line)) continue;
    if (isRow(lines[i - 1])) {
      assertEquals(cells(line), cells(lines[i - 1]), line);
    } else {assertMatch(
        lines[i + 1],
        /^(\| -+ )+\|$/,
        `head ${++tables}: ${line}`,
      );}
  }
  assertGreater(tables, 0);
}

Deno.test("docs/PERFORMANCE.md holds well-formed tables of one of the runs", async () => {
  const page = await Deno.readTextFile(`${ROOT}docs/PERFORMANCE.md`);
  assertTables(page.split("\n"));
  const texts = [...Deno.readDirSync(`${ROOT}bench/results`)].map(({ name }) =>
    Deno.readTextFileSync(`${ROOT}bench/results/${name}`)
  );
  assert(
    texts.some((text) => withBenchTable(page, JSON.parse(text)) === page),
    "deno task bench --page bench/results/FILE.json writes it",
  );
});

Deno.test("a page without the block is refused", () => {
  assertThrows(() => withBenchTable("no markers", REPORT), SyntaxError);
});
