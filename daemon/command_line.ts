/**
 * From arguments and the configuration file to options.
 *
 * @module
 */

import { parseNetwork } from "../detect/address.ts";
import { type ConfigEntry, readConfig } from "./config.ts";
import { Failure } from "./failure.ts";
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
      if (!given.has(name) && !isUnset(entry)) {
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
 * std takes a lone `-` and an empty argument for ones of their own, not for an
 * option's value.
 */
function joinValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const last = joined.at(-1);
    const name = arg === "-" || arg === "" ? optionOf(last) : undefined;
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
  refuseFlagValues(args);
  const named = (wanted: (kind: OptionSpec["kind"]) => boolean) =>
    SPECS.filter(([, { kind }]) => wanted(kind)).map(([name]) => name);
  const values = parseArgs(args, {
    boolean: named((kind) => kind === "flag"),
    string: named((kind) => kind !== "flag"),
    collect: named((kind) => kind === "list"),
    alias: Object.fromEntries(
      SPECS.flatMap(([name, { short }]) => short ? [[short, name]] : []),
    ),
    unknown: refuseUnknown,
  });
  const given = new Map<OptionName, Given>();
  for (const [name] of SPECS) {
    const value = values[name];
    const texts = Array.isArray(value) ? value : [value];
    if (texts.length === 0 || value === undefined || value === false) continue;
    given.set(name, { texts: texts.map(String), label: `--${name}` });
  }
  return given;
}

/** A flag takes no value; std would read `--utc=no` as true. */
function refuseFlagValues(args: readonly string[]): void {
  for (const arg of args) {
    if (arg === "--") return;
    const [, name] = /^--([^=]+)=/.exec(arg) ?? [];
    if (isOption(name) && OPTIONS[name].kind === "flag") {
      throw new Failure(`--${name} takes no value, got "${arg}"`);
    }
  }
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
  if (isFlag !== (OPTIONS[key].kind === "flag")) {
    throw new Failure(
      `${where}: ${key} must ${isFlag ? "not " : ""}be true or false`,
    );
  }
  return key;
}

/** Options that would make no sense in a file. */
const OPTIONS_OF_COMMAND_LINE: ReadonlySet<OptionName> = new Set([
  "config",
  "help",
  "version",
  "check",
  "completions",
]);

/** A flag that the file sets to false. */
function isUnset({ isFlag, texts }: ConfigEntry): boolean {
  return isFlag && texts.length === 0;
}

function checkOptions(given: ReadonlyMap<OptionName, Given>): Options {
  const values = Object.fromEntries(
    SPECS.map(([name, spec]) => [name, checkOption(spec, given.get(name))]),
  );
  const options = {
    ...values,
    given: new Set(given.keys()),
  } as unknown as Options;
  checkTogether(options, (name) => given.get(name)?.label ?? `--${name}`);
  return options;
}

function checkOption(spec: OptionSpec, given: Given | undefined): unknown {
  if (spec.kind === "flag") return given !== undefined;
  if (spec.kind === "list") {
    return (given?.texts ?? []).flatMap((text) =>
      (given!.isArray ? [text] : text.split(","))
        .map((one) => checkText(given!.label, one, spec.choices))
    );
  }
  if (given === undefined) return spec.default;
  const { texts, label } = given;
  if (texts.length !== 1) throw new Failure(`${label} must be one value`);
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
    `${label} must be one of ${choices.join(", ")}, got "${text}"`,
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
};

/** Reads `3s`, `1500ms`, `24h`, `2m`, or seconds without a unit. */
function parseTime(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text);
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
  const what = kind === "time" ? "a time such as 3s or 500ms" : "an integer";
  throw new Failure(
    `${label} must be ${what} from ${format(min)} to ${
      format(max)
    }, got "${text}"`,
  );
}

/** Checks what one option alone cannot tell. */
function checkTogether(
  options: Options,
  label: (name: OptionName) => string,
): void {
  const { "high-weight": high, "privileged-weight": privileged } = options;
  if (high > privileged) {
    throw new Failure(
      `${
        label("high-weight")
      } must be at most --privileged-weight (${privileged}), got "${high}"`,
    );
  }
  checkLogging(options, label);
  for (const name of ["ignore", "home"] as const) {
    checkNetworks(label(name), options[name]);
  }
  if (options.classic) refuseWithClassic(options);
  if (options.read !== undefined) refuseWithRead(options);
  else if (options.filter !== undefined && captureKind(options) === "raw") {
    throw new Failure(
      "--filter needs libpcap: add --capture pcap or --capture nids",
    );
  }
}

/** Where lines go, and what stands in front of them. */
function checkLogging(
  options: Options,
  label: (name: OptionName) => string,
): void {
  if (options.given.has("output") && options.output.length === 0) {
    throw new Failure(
      `${
        label("output")
      } names no sink, so that no scan would be told; name one of ${
        OPTIONS.output.choices.join(", ")
      }, or leave it out`,
    );
  }
  if (/\p{Cc}/u.test(options.ident)) {
    throw new Failure(`${label("ident")} must not contain control characters`);
  }
}

function checkNetworks(label: string, texts: readonly string[]): void {
  for (const text of texts) {
    try {
      parseNetwork(text);
    } catch {
      throw new Failure(
        `${label} must be an address or a network such as 192.0.2.0/24, got "${text}"`,
      );
    }
  }
}

/** Options of other rules, given on purpose, not by a shared file. */
function refuseWithClassic(options: Options): void {
  for (const name of ["home", "slow-window", "summary"] as const) {
    if (options.given.has(name) && !options.given.has("config")) {
      throw new Failure(`--${name} does not go with --classic`);
    }
  }
}

/** Options that are about watching, given on purpose, not by a shared file. */
function refuseWithRead(options: Options): void {
  for (const name of ["interface", "capture", "promiscuous"] as const) {
    if (options.given.has(name) && !options.given.has("config")) {
      throw new Failure(`--${name} does not go with --read`);
    }
  }
  for (const name of ["daemon", "pid-file"] as const) {
    if (options.given.has(name)) {
      throw new Failure(`--${name} does not go with --read`);
    }
  }
}

/** Which capture the options mean. */
export function captureKind(options: Options): "raw" | "pcap" | "nids" {
  if (options.capture === "pcap" || options.capture === "nids") {
    return options.capture;
  }
  const isAuto = options.capture === "auto";
  return isAuto && Deno.build.os !== "linux" ? "pcap" : "raw";
}
