/**
 * The manual page scanlogd.8, from the option table and man_text.ts.
 *
 *     deno task man           writes it into packaging/scanlogd.8
 *
 * @module
 */

import { describeDefault } from "../daemon/help.ts";
import { OPTIONS, type OptionSpec } from "../daemon/options.ts";
import { MAN_END, MAN_START } from "./man_text.ts";

const WIDTH = 78;

/** The manual page in mdoc(7). */
export function manualPage(): string {
  const options = Object.entries<OptionSpec>(OPTIONS).flatMap(
    ([name, spec]) => describeOption(name, spec),
  );
  return [MAN_START, ".Bl -tag -width Ds", ...options, ".El", MAN_END]
    .map((part) => part.trim()).join("\n") + "\n";
}

function describeOption(name: string, spec: OptionSpec): string[] {
  const short = spec.short === undefined ? "" : `Fl ${spec.short} , `;
  const value = spec.kind === "flag" ? "" : ` Ar ${spec.value}`;
  const sentences = [
    capitalize(spec.help, choicesOf(spec)),
    describeRange(spec),
    describeChoices(spec),
  ];
  const defaultText = describeDefault(spec);
  if (defaultText !== undefined) sentences.push(`Default: ${defaultText}`);
  return [
    `.It ${short}Fl -${name}${value}`,
    ...sentences.filter((text) => text !== undefined).flatMap(sentence),
  ];
}

function describeRange(spec: OptionSpec): string | undefined {
  if (spec.kind !== "integer") return undefined;
  return `Possible: ${spec.min} to ${spec.max}`;
}

/** The choices, where the help does not name them. */
function describeChoices(spec: OptionSpec): string | undefined {
  const choices = choicesOf(spec);
  if (choices.every((choice) => spec.help.includes(choice))) return undefined;
  return `Possible: ${choices.join(", ")}`;
}

function choicesOf(spec: OptionSpec): readonly string[] {
  return "choices" in spec ? spec.choices ?? [] : [];
}

/** Begins a sentence, but not with a word that has to be typed as it is. */
function capitalize(text: string, words: readonly string[]): string {
  return words.some((word) => text.startsWith(word))
    ? text
    : text.charAt(0).toUpperCase() + text.slice(1);
}

/** A text as a sentence of its own lines. */
function sentence(text: string): string[] {
  return wrap(`${text}.`).map(escapeLine);
}

function wrap(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= WIDTH) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** Makes text of what roff would take for a command or for typography. */
function escapeLine(line: string): string {
  return line
    .replaceAll("\\", "\\e")
    .replaceAll(
      /(?<![\w-])--?(?=[a-z])/g,
      (dashes) => "\\-".repeat(dashes.length),
    )
    .replace(/^[.']/, "\\&$&");
}

if (import.meta.main) {
  const path = new URL("scanlogd.8", import.meta.url);
  await Deno.writeTextFile(path, manualPage());
}
