/**
 * The configuration file: TOML, its keys are the long option names.
 *
 * @module
 */

import { Failure } from "./failure.ts";
import { parseToml } from "./std.ts";

/** A value of the file, in the form that the command line has. */
export interface ConfigEntry {
  /** Its texts; a flag that is set has "true". */
  texts: string[];
  /** Whether each text is one value, whatever commas it has. */
  isArray: boolean;
  /** Whether it is a flag's. */
  isFlag: boolean;
  /** File and line, for messages. */
  where: string;
}

/**
 * Reads a configuration file.
 *
 * @throws {Failure} If it cannot be read, is no TOML, or has a value of a kind
 * that no option has.
 */
export function readConfig(path: string): Map<string, ConfigEntry> {
  const text = readText(path);
  const entries = new Map<string, ConfigEntry>();
  for (const [key, value] of Object.entries(parse(path, text))) {
    const [line, second] = linesOf(text, key);
    const where = line === undefined ? path : `${path}, line ${line}`;
    if (second !== undefined) {
      throw new Failure(
        `${path}, line ${second}: ${key} is set in line ${line} already; leave one of them`,
      );
    }
    entries.set(key, toEntry(key, value, where));
  }
  return entries;
}

function readText(path: string): string {
  try {
    // Some editors begin a file with a byte order mark.
    return Deno.readTextFileSync(path).replace(/^\ufeff/, "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Failure(`--config: there is no file "${path}"`);
    }
    throw new Failure(
      `--config: cannot read "${path}": ${(error as Error).message}`,
    );
  }
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    return parseToml(text);
  } catch (error) {
    throw new Failure(`${path}: no TOML: ${(error as Error).message}`);
  }
}

/**
 * The lines that begin with a key: the parser tells neither where it stands nor
 * whether it stands there twice, which TOML forbids. A line inside a text of
 * several lines would be taken for one too, but no option has such a text.
 */
function linesOf(text: string, key: string): number[] {
  return text.split("\n").flatMap((line, index) => {
    const start = line.trimStart();
    const isKey = [key, `"${key}"`, `'${key}'`, `[${key}`, `[[${key}`]
      .some((form) =>
        start.startsWith(form) && /^\s*[=.\]]/.test(start.slice(form.length))
      );
    return isKey ? [index + 1] : [];
  });
}

function toEntry(key: string, value: unknown, where: string): ConfigEntry {
  if (typeof value === "boolean") {
    return {
      texts: value ? ["true"] : [],
      isArray: false,
      isFlag: true,
      where,
    };
  }
  const values: unknown[] = Array.isArray(value) ? value : [value];
  for (const one of values) {
    if (typeof one === "string" || typeof one === "number") continue;
    throw new Failure(
      `${where}: ${key} must be a string, a number, true, false or an array of strings`,
    );
  }
  return {
    texts: values.map(String),
    isArray: Array.isArray(value),
    isFlag: false,
    where,
  };
}
