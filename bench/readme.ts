/**
 * The README's table of figures, made from the results of a run.
 *
 *     deno task bench --readme bench/results/FILE.json
 *
 * @module
 */

import { REFERENCE } from "./contenders.ts";
import { type Bar, type Figure, median } from "./figures.ts";
import {
  describeLimit,
  formatValue,
  type Outcome,
  type Report,
} from "./report.ts";

const START = "<!-- bench -->";
const END = "<!-- /bench -->";

/** The figures that are held against a bar, and the bars, as Markdown. */
export function benchTable(report: Report): string {
  const rows = [
    ["What", "scanlogd for Deno", "Openwall's scanlogd", "Asked for", "Met"],
    ...report.benchmarks.flatMap((outcome) =>
      outcome.bars.map((bar) => barRow(outcome, bar))
    ),
  ];
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => row[column].length))
  );
  const [head, ...body] = rows.map((row) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`
  );
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [describeRun(report), "", head, rule, ...body].join("\n");
}

function describeRun(report: Report): string {
  const { date, deno, kernel, processor, processors } = report;
  const shortKernel = kernel.split("-")[0];
  return `Measured on ${
    date.slice(0, 10)
  }: ${processor}, ${processors} processors, Linux ${shortKernel}, Deno ${deno}.`;
}

function barRow({ name, figures }: Outcome, bar: Bar): string[] {
  const value = (contender: string) => {
    const figure = figures.find((each) =>
      each.case === bar.case && each.what === bar.what &&
      each.contender === contender
    );
    return figure === undefined ? "" : describeFigure(figure);
  };
  const option = bar.contender.includes("--classic") ? " (`--classic`)" : "";
  const where = [name, bar.case].filter((part) => part !== "").join(", ");
  return [
    `${where}: ${bar.what}${option}`,
    value(bar.contender),
    value(REFERENCE),
    describeLimit(bar),
    describeFound(bar),
  ];
}

function describeFigure({ rounds, unit }: Figure): string {
  return formatValue(median(rounds), unit);
}

function describeFound({ found, met, unit }: Bar): string {
  if (found === undefined) return "not measured";
  return `${met ? "yes" : "no"}: ${formatValue(found, unit)}`;
}

/**
 * Puts the table between the markers of a text.
 *
 * @throws {SyntaxError} If the markers are missing.
 */
export function withBenchTable(text: string, report: Report): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) {
    throw new SyntaxError(`Cannot find ${START} and ${END} in the text`);
  }
  return `${text.slice(0, start + START.length)}\n\n${benchTable(report)}\n\n${
    text.slice(end)
  }`;
}

/** Writes the table of a file of results into README.md. */
export async function updateReadme(results: string): Promise<void> {
  const report: Report = JSON.parse(await Deno.readTextFile(results));
  const path = new URL("../README.md", import.meta.url);
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, withBenchTable(text, report));
}
