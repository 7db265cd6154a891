/**
 * The command line and the configuration file: options or a failure that says
 * what is wrong, and options say the same when they are given again.
 *
 * @module
 */

import { formatTime, parseCommandLine } from "../../../daemon/command_line.ts";
import { Failure } from "../../../daemon/failure.ts";
import {
  type OptionName,
  OPTIONS,
  type Options,
  type OptionSpec,
} from "../../../daemon/options.ts";
import { assert, assertEquals, assertInstanceOf } from "../../assert.ts";
import type { Bytes } from "../../packets.ts";
import { below, pick, type Random } from "../../random.ts";
import { mutateText } from "../mutate.ts";
import { type Outcome, shape, type Target } from "../target.ts";

const SPECS = Object.entries(OPTIONS) as [OptionName, OptionSpec][];
const SHORT = SPECS.flatMap(([, { short }]) => short ?? []);

/** Values of all kinds, right and wrong. */
const VALUES = [
  ...["", "-", "--", "0", "1", "7", "-1", "1e9", "07", "99999999999999999999"],
  ...["3s", "1500ms", "24h", "0.5s", "2.001s", "1m", "3d", "1e3s", ".5s"],
  ...["10.0.0.0/8", "::/0", "2001:db8::1", "10.0.0.0/33", "::1,127.0.0.1,"],
  ...["raw", "pcap", "nids", "auto", "daemon", "alert", "bash", "local7"],
  ...["syslog", "stdout", "json", "file:/x", "json:/x", "file:", "syslog,json"],
  ...["eth0", "tcp port 80", "a\nb", "\x1b[31m", "\u202e", "é", "\0"],
];

const NAMES = [
  ...SPECS.map(([name]) => name),
  ...["__proto__", "constructor", "toString", "no-utc", "min-port", "a.b", "é"],
];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Parses; whatever is wrong is told as a {@linkcode Failure} with a text. */
function parse(args: readonly string[]): Options | Failure {
  try {
    const options = parseCommandLine(args);
    checkOptions(options);
    return options;
  } catch (error) {
    assertInstanceOf(error, Failure, `${(error as Error).stack}`);
    assert(error.message !== "");
    return error;
  }
}

function checkOptions(options: Options): void {
  for (const [name, spec] of SPECS) {
    const value: unknown = options[name];
    switch (spec.kind) {
      case "integer":
      case "time":
        assert(Number.isInteger(value), `${name} is ${value}`);
        assert((value as number) >= spec.min && (value as number) <= spec.max);
        break;
      case "flag":
        assert(typeof value === "boolean", `${name} is ${value}`);
        break;
      case "paths":
        assert(((value ?? []) as string[]).every((text) => text !== ""), name);
        break;
      case "list":
        assert((value as string[]).every((text) => text !== ""), name);
        break;
      case "text":
        assert(value === undefined || value !== "", name);
    }
  }
}

/** Arguments that say what the options say. */
function argumentsFor(options: Options): string[] {
  return SPECS.flatMap(([name, { kind }]) => {
    if (!options.given.has(name) || name === "config") return [];
    const value = options[name];
    if (kind === "flag") return [`--${name}`];
    if (kind === "time") return [`--${name}=${formatTime(value as number)}`];
    if (kind === "paths") {
      return (value as readonly string[]).map((path) => `--${name}=${path}`);
    }
    if (kind !== "list") return [`--${name}=${value}`];
    // `--ignore=` would be refused: an empty list of a file says nothing.
    const texts = value as readonly string[];
    return texts.length === 0 ? [] : [`--${name}=${texts.join()}`];
  });
}

/** An array of a file may have commas in its texts; arguments are split there. */
function hasCommas(options: Options): boolean {
  return SPECS.some(([name, { kind }]) =>
    kind === "list" &&
    (options[name] as readonly string[]).some((text) => text.includes(","))
  );
}

function valuesOf(options: Options): unknown[] {
  return SPECS.filter(([name]) => name !== "config")
    .map(([name]) => options[name]);
}

function check(args: readonly string[]): Outcome {
  const parsed = parse(args);
  if (parsed instanceof Failure) {
    return { units: 1, signature: shape(parsed.message.replace(/^.*?:/, "")) };
  }
  // With --read, what a shared file says of watching is passed over.
  const isShared = parsed.given.has("config") && parsed.given.has("read");
  if (!isShared && !hasCommas(parsed)) {
    const again = parse(argumentsFor(parsed));
    if (again instanceof Failure) throw again;
    assertEquals(valuesOf(again), valuesOf(parsed));
  }
  return { units: 1, signature: `${parsed.given.size}` };
}

function someArgument(random: Random): string {
  const name = pick(random, NAMES);
  switch (below(random, 5)) {
    case 0:
      return `--${name}`;
    case 1:
      return `-${pick(random, SHORT)}${below(random, 3) ? "" : "x"}`;
    case 2:
      return pick(random, VALUES);
    default:
      return `--${name}=${likelyValue(random, name)}`;
  }
}

/** Mostly a value of the kind that the option takes. */
function likelyValue(random: Random, name: string): string {
  const spec = Object.hasOwn(OPTIONS, name)
    ? OPTIONS[name as OptionName] as OptionSpec
    : undefined;
  if (spec === undefined || below(random, 3) === 0) return pick(random, VALUES);
  if (spec.kind === "integer") {
    return `${spec.min + below(random, spec.max - spec.min + 1)}`;
  }
  if (spec.kind === "time") return pick(random, ["3s", "7", "500ms", "24h"]);
  const choices = "choices" in spec ? spec.choices : undefined;
  return pick(random, choices ?? VALUES);
}

/** No input names a file: what is read is always the fuzzer's own. */
function withoutConfig(args: readonly string[]): string[] {
  return args.filter((arg) => !/^--config|^-[^-]*f/.test(arg));
}

/** Arguments, each ended by a zero byte, as the kernel keeps them. */
export const commandLine: Target = {
  name: "command-line",
  unit: "texts",
  code: ["daemon/", "detect/packet/address.ts"],
  seeds: () => NAMES.map((name) => encoder.encode(`--${name}`)),
  generate: (random) =>
    encoder.encode(
      Array.from({ length: below(random, 8) }, () => someArgument(random))
        .join("\0"),
    ),
  mutate: (random, input, other) =>
    mutateText(random, input, other, ["\0", "--", "-", "=", ",", ...VALUES]),
  run: (input) => check(withoutConfig(decoder.decode(input).split("\0"))),
};

/** Made at the first input, removed at the end. */
let path: string | undefined;

const TOML_WORDS = [
  ...[
    "=",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    '"""',
    "'''",
    "\\",
    "#",
    "\n",
    ".",
    ",",
  ],
  ...[
    "true",
    "false",
    "inf",
    "-nan",
    "0x1f",
    "1_000",
    "1e400",
    "0b2",
    "\ufeff",
  ],
  ...["1979-05-27T07:32:00Z", "07:32:00", "\\u0000", "\\uD800", "\r\n", "\0"],
];

function someToml(random: Random): string {
  const name = pick(random, NAMES);
  const quoted = () => JSON.stringify(likelyValue(random, name));
  const bare = () => likelyValue(random, name);
  const value = pick(random, [
    quoted,
    bare,
    () => `[${quoted()}, ${quoted()}]`,
    () => pick(random, ["true", "false"]),
    () => pick(random, TOML_WORDS),
    () => `{${name} = ${quoted()}}`,
  ])();
  switch (below(random, 16)) {
    case 0:
      return `[${name}]`;
    case 1:
      return `# ${value}`;
    case 2:
      return `"${name}" = ${value}`;
    default:
      return `${name} = ${value}`;
  }
}

/** The text of a file for `--config`. */
export const config: Target = {
  name: "config",
  unit: "texts",
  code: ["daemon/", "detect/packet/address.ts"],
  seeds: () => SPECS.map(([name]) => encoder.encode(`${name} = true\n`)),
  generate: (random) =>
    encoder.encode(
      Array.from({ length: below(random, 6) }, () => someToml(random))
        .join(below(random, 8) === 0 ? "\r\n" : "\n"),
    ),
  mutate: (random, input, other) =>
    mutateText(random, input, other, [...TOML_WORDS, ...VALUES, ...NAMES]),
  run(input: Bytes): Outcome {
    path ??= Deno.makeTempFileSync({ prefix: "scanlogd-fuzz-" });
    Deno.writeFileSync(path, input);
    return check(["--config", path]);
  },
  close(): void {
    if (path !== undefined) Deno.removeSync(path);
    path = undefined;
  },
};
