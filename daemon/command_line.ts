/**
 * From arguments to options.
 *
 * @module
 */

import { parseNetwork } from "../detect/address.ts";
import { Failure } from "./failure.ts";
import {
  type OptionName,
  OPTIONS,
  type Options,
  type OptionSpec,
} from "./options.ts";
import { closestString, parseArgs } from "./std.ts";

const SPECS: readonly [OptionName, OptionSpec][] = Object.entries(
  OPTIONS,
) as [OptionName, OptionSpec][];

/**
 * Reads the command line.
 *
 * @throws {Failure} If an option is unknown or its value is wrong.
 */
export function parseCommandLine(args: readonly string[]): Options {
  args = joinDashes(args);
  refuseFlagValues(args);
  const named = (wanted: (kind: OptionSpec["kind"]) => boolean) =>
    SPECS.filter(([, { kind }]) => wanted(kind)).map(([name]) => name);
  const texts = parseArgs(args, {
    boolean: named((kind) => kind === "flag"),
    string: named((kind) => kind !== "flag"),
    collect: named((kind) => kind === "list"),
    alias: Object.fromEntries(
      SPECS.flatMap(([name, { short }]) => short ? [[short, name]] : []),
    ),
    unknown: refuseUnknown,
  });
  return checkOptions(texts);
}

/** std takes a lone `-` for an argument of its own, not for a value. */
function joinDashes(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const last = joined.at(-1);
    const name = arg === "-" ? optionOf(last) : undefined;
    if (name === undefined) joined.push(arg);
    else joined[joined.length - 1] = `--${name}=-`;
  }
  return joined;
}

/** The option of an argument that is one's long or short name and no more. */
function optionOf(arg: string | undefined): OptionName | undefined {
  return SPECS.find(([name, { short }]) =>
    arg === `--${name}` || (short !== undefined && arg === `-${short}`)
  )?.[0];
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
  const closest = closestString(key, SPECS.map(([name]) => name));
  throw new Failure(
    `unknown option ${given}; did you mean --${closest}? --help lists all options`,
  );
}

function checkOptions(texts: Record<string, unknown>): Options {
  const values: Record<string, unknown> = {};
  const given = new Set<OptionName>();
  for (const [name, spec] of SPECS) {
    const text = texts[name];
    const isGiven = Array.isArray(text)
      ? text.length > 0
      : text !== undefined && text !== false;
    if (isGiven) given.add(name);
    values[name] = checkOption(name, spec, isGiven ? text : undefined);
  }
  const options = { ...values, given } as unknown as Options;
  checkTogether(options);
  return options;
}

function checkOption(name: string, spec: OptionSpec, text: unknown): unknown {
  switch (spec.kind) {
    case "flag":
      return text === true;
    case "text":
      return text === undefined
        ? spec.default
        : checkText(name, String(text), spec.choices);
    case "list":
      return (text as string[] | undefined ?? []).flatMap((part) =>
        part.split(",").map((one) => checkText(name, one, spec.choices))
      );
    case "integer":
      return text === undefined
        ? spec.default
        : checkRange(name, parseInteger(text), String(text), spec, String);
    case "time":
      return text === undefined
        ? spec.default
        : checkRange(name, parseTime(text), String(text), spec, formatTime);
  }
}

function checkText(
  name: string,
  text: string,
  choices: readonly string[] | undefined,
): string {
  if (text === "") throw new Failure(`--${name} needs a value`);
  if (choices !== undefined && !choices.includes(text)) {
    throw new Failure(
      `--${name} must be one of ${choices.join(", ")}, got "${text}"`,
    );
  }
  return text;
}

function parseInteger(text: unknown): number | undefined {
  return /^\d{1,15}$/.test(String(text)) ? Number(text) : undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Reads `3s`, `1500ms`, `24h`, `2m`, or seconds without a unit. */
function parseTime(text: unknown): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(String(text));
  if (match === null) return undefined;
  const time = Number(match[1]) * UNITS[match[2] ?? "s"];
  return Number.isInteger(time) ? time : undefined;
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
  name: string,
  value: number | undefined,
  text: string,
  { kind, min, max }: { kind: string; min: number; max: number },
  format: (value: number) => string,
): number {
  if (value !== undefined && value >= min && value <= max) return value;
  if (text === "") throw new Failure(`--${name} needs a value`);
  const what = kind === "time" ? "a time such as 3s or 500ms" : "an integer";
  throw new Failure(
    `--${name} must be ${what} from ${format(min)} to ${
      format(max)
    }, got "${text}"`,
  );
}

/** Checks what one option alone cannot tell. */
function checkTogether(options: Options): void {
  const { "high-weight": high, "privileged-weight": privileged } = options;
  if (high > privileged) {
    throw new Failure(
      `--high-weight must be at most --privileged-weight (${privileged}), got "${high}"`,
    );
  }
  for (const text of options.ignore) {
    try {
      parseNetwork(text);
    } catch {
      throw new Failure(
        `--ignore must be an address or a network such as 192.0.2.0/24, got "${text}"`,
      );
    }
  }
  if (options.read !== undefined) {
    for (const name of ["interface", "capture", "promiscuous"] as const) {
      if (options.given.has(name)) {
        throw new Failure(`--${name} does not go with --read`);
      }
    }
  } else if (options.filter !== undefined && captureKind(options) === "raw") {
    throw new Failure(
      "--filter needs libpcap: add --capture pcap or --capture nids",
    );
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
