/**
 * The table of options in the documentation.
 *
 *     deno task readme        writes it into docs/options.md
 *
 * @module
 */

import { markdownTable } from "./markdown_table.ts";
import { formatTime } from "./command_line.ts";
import { describeDefault } from "./help.ts";
import { OPTIONS, type OptionSpec } from "./options.ts";

const START = "<!-- options -->";
const END = "<!-- /options -->";

/** More choices than these would make a table too wide to read. */
const MAX_CHOICES = 4;

/** All options as a table in Markdown, padded as `deno fmt` pads it. */
export function optionTable(): string {
  return markdownTable([
    ["Option", "Meaning", "Default", "Possible"],
    ...Object.entries(OPTIONS).map(([name, spec]) =>
      describeOption(name, spec)
    ),
  ]);
}

function describeOption(name: string, spec: OptionSpec): string[] {
  const short = spec.short === undefined ? "" : `\`-${spec.short}\`, `;
  const value = spec.kind === "flag" ? "" : ` ${spec.value}`;
  return [
    `${short}\`--${name}${value}\``,
    spec.help,
    describeDefault(spec) ?? "",
    describePossible(spec),
  ];
}

function describePossible(spec: OptionSpec): string {
  switch (spec.kind) {
    case "flag":
      return "";
    case "integer":
      return `${spec.min} to ${spec.max}`;
    case "time":
      return `${formatTime(spec.min)} to ${formatTime(spec.max)}`;
    case "paths":
      return "";
    default:
      return (spec.choices?.length ?? Infinity) > MAX_CHOICES
        ? ""
        : spec.choices!.join(", ");
  }
}

/**
 * Puts the table between the markers of a text.
 *
 * @throws {SyntaxError} If the markers are missing.
 */
export function withOptionTable(text: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) {
    throw new SyntaxError(`Cannot find ${START} and ${END} in the text`);
  }
  return `${text.slice(0, start + START.length)}\n\n${optionTable()}\n\n${
    text.slice(end)
  }`;
}

if (import.meta.main) {
  const path = new URL("../docs/options.md", import.meta.url);
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, withOptionTable(text));
}
