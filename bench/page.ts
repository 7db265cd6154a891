/**
 * The tables of docs/PERFORMANCE.md, made from the results of a run.
 *
 *     deno task bench --page bench/results/FILE.json
 *
 * @module
 */

import { markdownTable } from "../daemon/markdown_table.ts";
import { REFERENCE } from "./contenders.ts";
import { type Bar, type Figure, median } from "./figures.ts";
import {
  describeLimit,
  formatValue,
  type Outcome,
  type Report,
} from "./report.ts";

/** Whoever reads the figures is told of a higher load. */
const BUSY = 0.5;
const START = "<!-- bench -->";
const END = "<!-- /bench -->";

/**
 * How fast files are read beside others, and then the figures that are held
 * against a bar, as Markdown.
 */
export function benchTable(report: Report): string {
  const bars = report.benchmarks.flatMap((outcome) =>
    outcome.bars.map((bar) => barRow(outcome, bar))
  );
  const replay = report.benchmarks.find(({ name }) => name === "replay");
  return [
    wrapped(describeRun(report)),
    ...(replay === undefined ? [] : ["", replayTable(replay)]),
    "",
    markdownTable([
      ["What", "scanlogd for Deno", "Openwall's scanlogd", "Asked for", "Met"],
      ...bars,
    ]),
  ].join("\n");
}

/** In lines as long as `deno fmt` makes them. */
function wrapped(text: string): string {
  return text.replaceAll(/(?=.{81})(.{1,80}) /g, "$1\n");
}

/** A row for each reader, a column for each kind of file. */
function replayTable({ figures }: Outcome): string {
  const times = figures.filter(({ unit }) => unit === "ns");
  const families = [...new Set(times.map((figure) => figure.case))];
  const readers = [...new Set(times.map(({ contender }) => contender))];
  const cell = (reader: string, family: string) => {
    const figure = times.find((each) =>
      each.case === family && each.contender === reader
    );
    return figure === undefined ? "" : describeFigure(figure);
  };
  return markdownTable([
    ["Processor time per packet", ...families],
    ...readers.map((reader) => [
      reader === REFERENCE ? "Openwall's scanlogd" : `\`${reader}\``,
      ...families.map((family) => cell(reader, family)),
    ]),
  ]);
}

function describeRun(report: Report): string {
  const { date, deno, kernel, processor, processors, load } = report;
  const shortKernel = kernel.split("-")[0];
  return `Measured on ${
    date.slice(0, 10)
  }: ${processor}, ${processors} processors, Linux ${shortKernel}, Deno ${deno}; medians${
    load > BUSY ? `, on a busy machine (load ${load.toFixed(1)})` : ""
  }.`;
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

/** Writes the table of a file of results into docs/PERFORMANCE.md. */
export async function updatePage(results: string): Promise<void> {
  const report: Report = JSON.parse(await Deno.readTextFile(results));
  const path = new URL("../docs/PERFORMANCE.md", import.meta.url);
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, withBenchTable(text, report));
}
