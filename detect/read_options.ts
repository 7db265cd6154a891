/**
 * Reads what a detector's caller hands over: every name and every value is
 * looked at before anything is made of it, and texts become sets.
 *
 * @module
 */

import type { Addresses, DetectorOptions } from "./options.ts";
import { checkObject, describe, KNOBS } from "./settings.ts";
import { AddressSet } from "./packet/address.ts";
import { IgnoreRules } from "./probe/ignore_rules.ts";
import { PortMemory } from "./probe/port_memory.ts";

type SetName = "local" | "home" | "onLink";

/** A detector's options once texts are read. */
export interface ReadOptions extends Omit<DetectorOptions, SetName | "ignore"> {
  /** As in {@linkcode DetectorOptions}. */
  local: AddressSet | undefined;
  /** As in {@linkcode DetectorOptions}. */
  home: AddressSet | undefined;
  /** As in {@linkcode DetectorOptions}. */
  onLink: AddressSet | undefined;
  /** As in {@linkcode DetectorOptions}. */
  ignore: IgnoreRules | undefined;
}

const SETS: readonly SetName[] = ["local", "home", "onLink"];

/** What an option has to be, besides the numbers in {@linkcode KNOBS}. */
const EXPECTED: Readonly<
  Record<Exclude<keyof DetectorOptions, keyof typeof KNOBS>, string>
> = {
  local: "an AddressSet, or networks such as 192.0.2.0/24 as text",
  home: "an AddressSet, or networks such as 192.0.2.0/24 as text",
  onLink: "an AddressSet, or networks such as 192.0.2.0/24 as text",
  ignore: "IgnoreRules, an AddressSet, or texts such as 192.0.2.0/24=53",
  promiscuous: "true or false",
  fromFile: "true or false",
  outgoing: "true or false",
  classic: "true or false",
  ends: "true or false",
  portMemory: "a PortMemory",
  probes: "a function",
  forwards: "a function",
  random: "a function",
};

/** The names of all options of a detector. */
export const OPTION_NAMES: readonly string[] = [
  ...Object.keys(KNOBS),
  ...Object.keys(EXPECTED),
];

/**
 * Refuses what is no object of options.
 *
 * @throws {TypeError} If it is no object, or one of its names is unknown.
 */
export function checkNames(options: object, known: readonly string[]): void {
  checkObject("read the options: they", options);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new TypeError(
      `Cannot set ${name}: there is no such option; there are ${
        known.join(", ")
      }`,
    );
  }
}

/**
 * Checks all options but the numbers, and makes sets of texts.
 *
 * @throws {TypeError} If a name is unknown, or a value of another type.
 * @throws {SyntaxError} If a text is not what it should be.
 * @throws {RangeError} If a prefix is longer than its address.
 */
export function readOptions(options: DetectorOptions): ReadOptions {
  checkNames(options, OPTION_NAMES);
  for (const name of Object.keys(EXPECTED) as (keyof typeof EXPECTED)[]) {
    const value = options[name];
    if (value === undefined || isExpected(name, value)) continue;
    throw new TypeError(
      `Cannot set ${name}: it must be ${EXPECTED[name]}, got ${
        describe(value)
      }`,
    );
  }
  const [local, home, onLink] = SETS.map((name) => readSet(name, options));
  return { ...options, local, home, onLink, ignore: readIgnore(options) };
}

function isExpected(name: keyof typeof EXPECTED, value: unknown): boolean {
  switch (name) {
    case "portMemory":
      return value instanceof PortMemory;
    case "forwards":
    case "probes":
    case "random":
      return typeof value === "function";
    case "ignore":
      return value instanceof IgnoreRules || isAddresses(value);
    case "local":
    case "home":
    case "onLink":
      return isAddresses(value);
    default:
      return typeof value === "boolean";
  }
}

function isAddresses(value: unknown): boolean {
  return typeof value === "string" || value instanceof AddressSet ||
    typeof value === "object" && value !== null && Symbol.iterator in value;
}

function readSet(
  name: SetName,
  options: DetectorOptions,
): AddressSet | undefined {
  const value = options[name];
  if (value === undefined || value instanceof AddressSet) return value;
  return naming(name, () => AddressSet.from(texts(value)));
}

function readIgnore({ ignore }: DetectorOptions): IgnoreRules | undefined {
  if (ignore === undefined || ignore instanceof IgnoreRules) return ignore;
  if (ignore instanceof AddressSet) return IgnoreRules.ofSources(ignore);
  return naming("ignore", () => IgnoreRules.from(texts(ignore)));
}

/** A text may hold several, with commas between them as on the command line. */
function texts(value: Exclude<Addresses, AddressSet>): string[] {
  const parts = typeof value === "string" ? value.split(",") : [...value];
  return parts.map((part) => {
    if (typeof part === "string") return part.trim();
    throw new TypeError(`each must be a text, got ${describe(part)}`);
  });
}

/** Says in what fails which option it was about. */
function naming<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const message = `Cannot set ${name}: ${
      (error as Error).message.replace(/^C/, "c")
    }`;
    const kinds = [RangeError, TypeError];
    const kind = kinds.find((each) => error instanceof each) ?? SyntaxError;
    throw new kind(message, { cause: error });
  }
}
