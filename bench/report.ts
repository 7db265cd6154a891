/**
 * How the figures are told: tables for people, JSON for programs.
 *
 * @module
 */

import type { Amounts } from "./benchmark.ts";
import { REFERENCE } from "./contenders.ts";
import { type Bar, compare, type Figure, median } from "./figures.ts";

/** What became of one benchmark. */
export interface Outcome {
  /** Its name. */
  name: string;
  /** What it measures. */
  title: string;
  /** What was measured. */
  figures: Figure[];
  /** What that was held against. */
  bars: Bar[];
  /** Why it was not run, if it was not. */
  skipped?: string;
  /** Why it did not come to its end, if it did not. */
  failed?: string;
}

/** A whole run, and what it was measured on. */
export interface Report {
  /** When it ended (ISO 8601). */
  date: string;
  /** The runtime's version. */
  deno: string;
  /** The kernel's version. */
  kernel: string;
  /** The processor's name. */
  processor: string;
  /** How many processors there are. */
  processors: number;
  /** Processes that ran or waited to when it began, on a minute's average. */
  load: number;
  /** How much was measured. */
  amounts: Amounts;
  /** The benchmarks. */
  benchmarks: Outcome[];
}

/** Prints what became of a benchmark. */
export function printOutcome(outcome: Outcome): void {
  console.log(`\n${outcome.name}: ${outcome.title}`);
  if (outcome.skipped) console.log(`  skipped: ${outcome.skipped}`);
  if (outcome.figures.length > 0) printTable(figureRows(outcome.figures));
  if (outcome.failed) console.log(`  failed: ${outcome.failed}`);
  for (const bar of outcome.bars) console.log(`  ${describeBar(bar)}`);
}

/** A row a figure and contender: the median, the lowest, and the ratio. */
function figureRows(figures: readonly Figure[]): string[][] {
  const groups = new Map<string, Figure[]>();
  for (const figure of figures) {
    const key = `${figure.case}\n${figure.what}`;
    groups.set(key, [...groups.get(key) ?? [], figure]);
  }
  const rows = [["", "", "", "median", "lowest", "to reference"]];
  for (const group of groups.values()) {
    const other = group.find(({ contender }) => contender === REFERENCE);
    for (const figure of group) {
      rows.push([
        figure.case,
        figure.what,
        figure.contender,
        formatValue(median(figure.rounds), figure.unit),
        formatValue(Math.min(...figure.rounds), figure.unit),
        toReference(figure, other),
      ]);
    }
  }
  return rows;
}

function toReference(figure: Figure, other: Figure | undefined): string {
  if (other === undefined || other === figure) return "";
  const ratio = median(compare(figure, other, "ratio"));
  return Number.isFinite(ratio) ? ratio.toFixed(2) : "";
}

/** Text columns to the left, numbers to the right; the same is said once. */
function printTable(rows: readonly string[][]): void {
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => row[column].length))
  );
  for (const [i, row] of rows.entries()) {
    const isSame = (column: number) =>
      i > 0 &&
      row.slice(0, column + 1).every((cell, at) => cell === rows[i - 1][at]);
    const cells = row.map((cell, column) =>
      column > 2
        ? cell.padStart(widths[column])
        : (column < 2 && isSame(column) ? "" : cell).padEnd(widths[column])
    ).filter((_, column) => widths[column] > 0);
    console.log(`  ${cells.join("  ")}`.trimEnd());
  }
}

/** A value with its unit, to about three digits. */
export function formatValue(value: number, unit: string): string {
  const digits = Number.isInteger(value) && unit === ""
    ? 0
    : Math.abs(value) >= 100
    ? 0
    : Math.abs(value) >= 10
    ? 1
    : 2;
  const number = value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return unit === "" ? number : `${number} ${unit}`;
}

/** A bar, what was found, and whether it was met. */
export function describeBar(bar: Bar): string {
  const where = bar.case === "" ? "" : `${bar.case}: `;
  const found = bar.found === undefined
    ? "not measured"
    : `${formatValue(bar.found, bar.unit)}, ${bar.met ? "met" : "NOT MET"}`;
  return `${where}${bar.what}, ${bar.contender}: ${
    describeLimit(bar)
  }: ${found}`;
}

/** What a bar asks for. */
export function describeLimit(bar: Bar): string {
  const { atMost, atLeast, compared, unit, inEveryRound } = bar;
  const limit = atMost !== undefined
    ? `at most ${plain(atMost)}`
    : `at least ${plain(atLeast ?? 0)}`;
  const suffix = unit === "" ? "" : ` ${unit}`;
  const whole = compared === undefined
    ? `${limit}${suffix}`
    : compared.by === "ratio"
    ? `${limit} x ${compared.to}`
    : `${limit}${suffix} more than ${compared.to}`;
  return inEveryRound ? `${whole} in every round` : whole;
}

/** A limit as it stands in the code. */
function plain(value: number): string {
  return Number.isInteger(value)
    ? value.toFixed(value === 1 ? 1 : 0)
    : `${value}`;
}

/** Puts a run together. */
export async function makeReport(
  { load, amounts, benchmarks }: Pick<
    Report,
    "load" | "amounts" | "benchmarks"
  >,
): Promise<Report> {
  return {
    date: new Date().toISOString(),
    deno: Deno.version.deno,
    kernel: Deno.osRelease(),
    processor: await processorName(),
    processors: navigator.hardwareConcurrency,
    load,
    amounts,
    benchmarks,
  };
}

/** Writes a run for programs. */
export async function writeJson(path: string, report: Report): Promise<void> {
  await Deno.mkdir(path.replace(/[^/]*$/, "") || ".", { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify(report, null, 2) + "\n");
}

async function processorName(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? Deno.build.arch;
}
