/**
 * The text of --help.
 *
 * @module
 */

import { formatTime } from "./command_line.ts";
import { OPTIONS, type OptionSpec } from "./options.ts";

const WIDTH = 80;
/** Column of the descriptions. */
const INDENT = 29;

/** Describes the program and all its options. */
export function helpText(): string {
  const lines = [
    "Usage: scanlogd [OPTIONS]               watch and log port scans",
    "       scanlogd --read FILE [OPTIONS]   analyse a capture file",
    "",
    ...Object.entries(OPTIONS).flatMap(([name, spec]) =>
      describeOption(name, spec)
    ),
    "",
    "TIME is a number with ms, s, m, h or d; without a unit it means seconds.",
  ];
  return lines.join("\n");
}

function describeOption(name: string, spec: OptionSpec): string[] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const value = spec.kind === "flag" ? "" : ` ${spec.value}`;
  const left = `  ${short}--${name}${value}`;
  const defaultText = describeDefault(spec);
  const right = wrap(
    spec.help + (defaultText === undefined ? "" : ` [${defaultText}]`),
  );
  if (left.length >= INDENT - 1) right.unshift("");
  const indent = " ".repeat(INDENT);
  return [
    (left.padEnd(INDENT) + right[0]).trimEnd(),
    ...right.slice(1).map((line) => indent + line),
  ];
}

/** An option's default as a text; undefined if it has none. */
export function describeDefault(spec: OptionSpec): string | undefined {
  if (spec.defaultText !== undefined) return spec.defaultText;
  if (!("default" in spec)) return undefined;
  if (spec.kind === "time") return formatTime(spec.default);
  return spec.default === undefined ? undefined : String(spec.default);
}

function wrap(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= WIDTH - INDENT) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
