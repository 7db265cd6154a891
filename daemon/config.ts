/**
 * The configuration file: TOML, its keys are the long option names.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";
import { Failure } from "./failure.ts";
import { isOutside } from "./obstacles.ts";
import { parseToml } from "./std.ts";
import { readTextFile } from "./text_file.ts";

const LOST_KEY = "__proto__";

/** A value of the file, in the form that the command line has. */
export interface ConfigEntry {
  /** Its texts; a flag has "true" or "false". */
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
 * @throws {Failure} If it cannot be read, is not TOML, or has a value of a kind
 * that no option has.
 */
export function readConfig(path: string): Map<string, ConfigEntry> {
  checkOwner(path);
  const text = readTextFile("--config", path);
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

/** Undefined if there is no such file; that is said when it is read. */
function statusOf(path: string): Deno.FileInfo | undefined {
  try {
    const info = Deno.statSync(path);
    return info.isFile ? info : undefined;
  } catch {
    return undefined;
  }
}

/** Whoever may write the file of a program that root starts is root. */
function checkOwner(path: string): void {
  const info = statusOf(path);
  if (info === undefined || libc().geteuid() !== 0) return;
  const { mode, uid } = info;
  if (((mode ?? 0) & 0o002) !== 0) {
    throw new Failure(
      `--config: "${path}" can be written by everybody; mend it with: chmod o-w ${path}`,
    );
  }
  if (uid !== 0 && !isOutside(uid ?? 0)) {
    throw new Failure(
      `--config: "${path}" belongs to another user than root; mend it with: chown root ${path}`,
    );
  }
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    const values = parseToml(text);
    // The parser takes this key for the object's prototype, and drops it.
    return linesOf(text, LOST_KEY).length === 0 ? values : Object.fromEntries([
      ...Object.entries(values).filter(([key]) => key !== LOST_KEY),
      [LOST_KEY, true],
    ]);
  } catch (error) {
    throw new Failure(
      `${path}: this is not TOML: ${
        (error as Error).message
      }; write one key a line, strings in quotes: user = "scanlogd"`,
    );
  }
}

/**
 * The lines that begin with a key: the parser says neither where it stands nor
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
      texts: [String(value)],
      isArray: false,
      isFlag: true,
      where,
    };
  }
  const values: unknown[] = Array.isArray(value) ? value : [value];
  if (isTable(value) || values.some(isTable)) {
    throw new Failure(
      `${where}: [${key}] is a table; there are none here: remove the line, and write each key by itself: name = value`,
    );
  }
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

function isTable(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Date);
}
