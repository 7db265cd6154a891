/**
 * From arguments and the configuration file to options.
 *
 * @module
 */

import { type ConfigEntry, readConfig } from "./config.ts";
import { checkTogether } from "./combinations.ts";
import { Failure, quote } from "./failure.ts";
import {
  type OptionName,
  OPTIONS,
  type Options,
  type OptionSpec,
} from "./options.ts";
import { closestString, levenshteinDistance, parseArgs } from "./std.ts";

const SPECS: readonly [OptionName, OptionSpec][] = Object.entries(
  OPTIONS,
) as [OptionName, OptionSpec][];

const NAMES = SPECS.map(([name]) => name);

/** What was given for an option, and how messages call it. */
interface Given {
  /** The texts; a flag has none. */
  texts: readonly string[];
  /** Whether each text is one value, whatever commas it has. */
  isArray?: boolean;
  /** `--name`, or file, line and name. */
  label: string;
}

/**
 * Reads the command line, and the configuration file that it names. What the
 * command line says wins.
 *
 * @throws {Failure} If an option is unknown or its value is wrong.
 */
export function parseCommandLine(args: readonly string[]): Options {
  const given = givenByArguments(joinValues(args));
  const config = given.get("config");
  if (config !== undefined) {
    for (const [key, entry] of readConfig(config.texts[0])) {
      const name = checkKey(key, entry);
      if (!given.has(name)) {
        given.set(name, {
          texts: entry.texts,
          isArray: entry.isArray,
          label: `${entry.where}: ${name}`,
        });
      }
    }
  }
  return checkOptions(given);
}

/**
 * std takes a lone `-`, an empty argument and a negative number for ones of their
 * own, not for an option's value.
 */
function joinValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const last = joined.at(-1);
    const name = /^(?:-\d.*|-?)$/s.test(arg) ? optionOf(last) : undefined;
    if (name === undefined) joined.push(arg);
    else joined[joined.length - 1] = `--${name}=${arg}`;
  }
  return joined;
}

/** The option of an argument that is one's long or short name and no more. */
function optionOf(arg: string | undefined): OptionName | undefined {
  return SPECS.find(([name, { short }]) =>
    arg === `--${name}` || (short !== undefined && arg === `-${short}`)
  )?.[0];
}

function givenByArguments(args: readonly string[]): Map<OptionName, Given> {
  const negated = negatedFlags(args);
  const named = (wanted: (kind: OptionSpec["kind"]) => boolean) =>
    SPECS.filter(([, { kind }]) => wanted(kind)).map(([name]) => name);
  const values = parseArgs(args, {
    boolean: named((kind) => kind === "flag"),
    string: named((kind) => kind !== "flag"),
    collect: named((kind) => kind !== "flag"),
    alias: Object.fromEntries(
      SPECS.flatMap(([name, { short }]) => short ? [[short, name]] : []),
    ),
    unknown: refuseUnknown,
  });
  // Behind `--`, std takes whatever there is.
  for (const rest of values._) refuseUnknown(String(rest));
  const given = new Map<OptionName, Given>();
  for (const [name] of SPECS) {
    const value = values[name];
    const texts = Array.isArray(value) ? value : [value];
    if (texts.length === 0 || value === undefined) continue;
    if (value === false && !negated.has(name)) continue;
    if (OPTIONS[name].kind === "flag") checkFlag(name, value);
    given.set(name, { texts: texts.map(String), label: `--${name}` });
  }
  return given;
}

/** Flags that are switched off, perhaps against a configuration file. */
function negatedFlags(args: readonly string[]): Set<OptionName> {
  const negated = new Set<OptionName>();
  for (const arg of args) {
    if (arg === "--") break;
    const [, dashes, text, value] = /^(--?)([^-=][^=]*)=(.*)$/s.exec(arg) ?? [];
    const name = dashes === "-" ? lastFlagOf(text) : text;
    if (!isFlag(name)) continue;
    // std would read `--utc=no` as true.
    checkFlag(name, value, arg);
    if (value === "false") negated.add(name);
  }
  return negated;
}

/** Which flag `-vp` ends with; nothing if there are other letters in it. */
function lastFlagOf(letters: string): OptionName | undefined {
  const names = [...letters].map((letter) => optionOf(`-${letter}`));
  return names.every(isFlag) ? names.at(-1) : undefined;
}

function isFlag(name: string | undefined): name is OptionName {
  return isOption(name) && OPTIONS[name].kind === "flag";
}

function checkFlag(name: OptionName, value: unknown, arg = `${value}`): void {
  if (/^(?:true|false)$/.test(`${value}`)) return;
  throw new Failure(`--${name} takes no value but true or false, got "${arg}"`);
}

function isOption(name: string | undefined): name is OptionName {
  return name !== undefined && Object.hasOwn(OPTIONS, name);
}

function refuseUnknown(arg: string, key?: string): never {
  if (key === undefined) {
    throw new Failure(
      `unexpected argument "${arg}"; to read a capture file, use --read ${arg}`,
    );
  }
  const given = arg.replace(/=.*/s, "");
  if (key.length === 1) {
    throw new Failure(`unknown option ${given}; --help lists all options`);
  }
  throw new Failure(
    `unknown option ${given}; ${
      suggest(key, "--", NAMES)
    }--help lists all options`,
  );
}

/** What was perhaps meant, as a question; nothing if nothing is near. */
function suggest(
  name: string,
  prefix: string,
  names: readonly string[],
): string {
  const closest = closestString(name, names);
  const isNear = levenshteinDistance(name, closest) <= 1 + name.length / 4;
  return isNear ? `did you mean ${prefix}${closest}? ` : "";
}

/** Only what makes sense in a file, under the name of an option. */
function checkKey(key: string, { where, isFlag }: ConfigEntry): OptionName {
  if (isOption(key) && OPTIONS_OF_COMMAND_LINE.has(key)) {
    throw new Failure(
      `${where}: ${key} does not go in a file; give --${key} on the command line`,
    );
  }
  if (!isOption(key)) {
    const names = NAMES.filter((name) => !OPTIONS_OF_COMMAND_LINE.has(name));
    throw new Failure(
      `${where}: unknown key "${key}"; ${
        suggest(key, "", names)
      }keys are the long options of --help`,
    );
  }
  const spec = OPTIONS[key];
  if (isFlag !== (spec.kind === "flag")) {
    throw new Failure(
      isFlag
        ? `${where}: ${key} must be ${describeValue(spec)}, not true or false`
        : `${where}: ${key} must be true or false`,
    );
  }
  return key;
}

/** What an option wants, for who has given something else. */
function describeValue(spec: OptionSpec): string {
  switch (spec.kind) {
    case "integer":
      return `an integer from ${spec.min} to ${spec.max}`;
    case "time":
      return `a time such as "${formatTime(spec.default)}"`;
    case "list":
    case "paths":
      return `a text ${spec.value} in quotes, or an array of them`;
    default:
      return `a text in quotes`;
  }
}

/** Options that would make no sense in a file. */
const OPTIONS_OF_COMMAND_LINE: ReadonlySet<OptionName> = new Set([
  "config",
  "help",
  "version",
  "check",
  "completions",
  "reload",
]);

/** A flag that is set to false. */
function isUnset(name: OptionName, { texts }: Pick<Given, "texts">): boolean {
  return OPTIONS[name].kind === "flag" && texts.at(-1) === "false";
}

function checkOptions(given: ReadonlyMap<OptionName, Given>): Options {
  const values = Object.fromEntries(
    SPECS.map(([name, spec]) => [name, checkOption(spec, given.get(name))]),
  );
  const set = [...given].filter(([name, texts]) => !isUnset(name, texts));
  const options = {
    ...values,
    given: new Set(set.map(([name]) => name)),
  } as unknown as Options;
  checkTogether(options, (name) => given.get(name)?.label ?? `--${name}`);
  return options;
}

function checkOption(spec: OptionSpec, given: Given | undefined): unknown {
  if (spec.kind === "flag") return given?.texts.at(-1) === "true";
  if (spec.kind === "list") {
    return (given?.texts ?? []).flatMap((text) =>
      (given!.isArray ? [text] : text.split(/,\s*/))
        .map((one) => checkText(given!.label, one, spec.choices))
    );
  }
  if (spec.kind === "paths") {
    return given?.texts.map((one) => checkText(given.label, one, undefined));
  }
  if (given === undefined) return spec.default;
  const { texts, label } = given;
  if (texts.length !== 1) {
    throw new Failure(
      `${label} takes one value, got ${texts.length}${
        texts.length === 0 ? "" : `: ${texts.map(quote).join(", ")}`
      }`,
    );
  }
  const [text] = texts;
  switch (spec.kind) {
    case "text":
      return checkText(label, text, spec.choices);
    case "integer":
      return checkRange(label, parseInteger(text), text, spec, String);
    case "time":
      return checkRange(label, parseTime(text), text, spec, formatTime);
  }
}

function checkText(
  label: string,
  text: string,
  choices: readonly string[] | undefined,
): string {
  if (text === "") throw new Failure(`${label} needs a value`);
  if (text.includes("\0")) {
    throw new Failure(`${label} must not contain a zero byte`);
  }
  const isChoice = choices === undefined ||
    choices.some((choice) => matchesChoice(text, choice));
  if (isChoice) return text;
  throw new Failure(
    `${label} must be one of ${choices.join(", ")}, got ${quote(text)}`,
  );
}

/** A choice such as `file:PATH` stands for all paths. */
function matchesChoice(text: string, choice: string): boolean {
  const [, prefix] = /^(.+:)PATH$/.exec(choice) ?? [];
  return prefix === undefined
    ? text === choice
    : text.startsWith(prefix) && text.length > prefix.length;
}

function parseInteger(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `3s`, `1500ms`, `24h`, `2m`, `7d`, or seconds without a unit. */
function parseTime(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text);
  if (match === null) return undefined;
  // 2.001 * 1000 is not 2001, so what is nearly whole is taken as whole.
  const time = Number(match[1]) * UNITS[match[2] ?? "s"];
  const whole = Math.round(time);
  return Math.abs(time - whole) < 1e-6 ? whole : undefined;
}

/** Writes a time in the largest unit that needs no fraction. */
export function formatTime(time: number): string {
  for (const unit of ["h", "m", "s"]) {
    const count = time / UNITS[unit];
    const isRound = Number.isInteger(count) && count > 0;
    if (isRound && !(unit === "m" && count === 1)) return `${count}${unit}`;
  }
  return `${time}ms`;
}

function checkRange(
  label: string,
  value: number | undefined,
  text: string,
  { kind, min, max }: { kind: string; min: number; max: number },
  format: (value: number) => string,
): number {
  if (value !== undefined && value >= min && value <= max) return value;
  if (text === "") throw new Failure(`${label} needs a value`);
  const what = kind === "time"
    ? "a time in ms, s, m, h or d such as 3s"
    : "an integer";
  throw new Failure(
    `${label} must be ${what} from ${format(min)} to ${format(max)}, got ${
      quote(text)
    }`,
  );
}
