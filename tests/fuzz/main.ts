/**
 * Fuzzes whatever takes input that somebody else chooses.
 *
 *     deno task fuzz [--seconds N] [--seed S] [--target NAME]
 *     deno task fuzz [--packets N] [--files N] [--seed S]
 *     deno task fuzz --target NAME --replay FILE
 *
 * Without a number it runs for a minute; with numbers of packets and files,
 * until there were so many. An input that breaks something is written to a file,
 * the status is 1, and `--replay` runs that file again.
 *
 * @module
 */

import { parseArgs } from "../../daemon/std.ts";
import type { Random } from "../random.ts";
import { runSeed, seeded } from "../random.ts";
import { Coverage } from "./coverage.ts";
import { Finding, Fuzzer } from "./fuzzer.ts";
import type { Target, Unit } from "./target.ts";
import { corpusOf, TARGETS } from "./targets.ts";

/** How long a target has its turn, in milliseconds. */
const TURN_MS = 500;
const DEFAULT_SECONDS = 60;
const MINUTE_MS = 60_000;

/** What to fuzz, and how much. */
export interface FuzzOptions {
  /** The targets. */
  targets: readonly Target[];
  /** What all inputs are made from. */
  seed: number;
  /** For how long in all; left out: until the amounts are reached. */
  seconds?: number;
  /** How many units of a kind at least. */
  amounts: ReadonlyMap<Unit, number>;
}

/** What was done to a target. */
export interface Figures {
  name: string;
  unit: Unit;
  inputs: number;
  units: number;
  seconds: number;
  /** Blocks of code that it reached. */
  blocks: number;
  /** Inputs that were new in some way. */
  corpus: number;
}

/** Another sequence for each target, whatever the others do. */
function randomFor(seed: number, { name }: Target): Random {
  return seeded([...name].reduce(
    (sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0),
    seed,
  ));
}

/**
 * Fuzzes the targets in turn.
 *
 * @param tell Told each minute how far it is.
 * @throws {Finding} If an input breaks something.
 */
export async function fuzz(
  { targets, seed, seconds, amounts }: FuzzOptions,
  tell: (figures: Figures[]) => void = () => {},
): Promise<Figures[]> {
  const coverage = await Coverage.start();
  const fuzzers = targets.map((target) => ({
    fuzzer: new Fuzzer(
      target,
      corpusOf(target),
      randomFor(seed, target),
      coverage,
    ),
    time: 0,
  }));
  const done = (unit: Unit) =>
    fuzzers.filter(({ fuzzer }) => fuzzer.target.unit === unit)
      .reduce((sum, { fuzzer }) => sum + fuzzer.units, 0);
  const isDone = (unit: Unit) => done(unit) >= (amounts.get(unit) ?? 0);
  const end = performance.now() + (seconds ?? Infinity) * 1000;
  const turn = Math.min(TURN_MS, (seconds ?? Infinity) * 1000 / targets.length);
  const isEnough = () =>
    seconds === undefined
      ? [...amounts.keys()].every(isDone)
      : performance.now() >= end;
  const figures = () => fuzzers.map(figuresOf);
  let nextTelling = performance.now() + MINUTE_MS;
  try {
    do {
      for (const one of fuzzers) {
        if (seconds === undefined && isDone(one.fuzzer.target.unit)) continue;
        const start = performance.now();
        do await one.fuzzer.batch(); while (performance.now() < start + turn);
        one.time += performance.now() - start;
      }
      if (performance.now() >= nextTelling) {
        nextTelling += MINUTE_MS;
        tell(figures());
      }
    } while (!isEnough());
  } finally {
    await coverage.stop();
    for (const target of targets) target.close?.();
  }
  return figures();
}

function figuresOf(
  { fuzzer, time }: { fuzzer: Fuzzer; time: number },
): Figures {
  const { target, inputs, units, blocks, corpus } = fuzzer;
  const { name, unit } = target;
  return { name, unit, inputs, units, seconds: time / 1000, blocks, corpus };
}

/** The target of a name. */
export function targetOf(name: string): Target {
  const target = TARGETS.find((each) => each.name === name);
  if (target !== undefined) return target;
  const names = TARGETS.map(({ name }) => name).join(", ");
  throw new Error(`--target must be one of ${names}, got "${name}"`);
}

const COUNT = new Intl.NumberFormat("en");

/** The figures as a table. */
export function table(figures: readonly Figures[]): string {
  const rows = figures.map((
    { name, unit, inputs, units, seconds, ...rest },
  ) => [
    name,
    `${COUNT.format(inputs)} inputs`,
    `${COUNT.format(units)} ${unit}`,
    `${COUNT.format(Math.round(units / (seconds || 1)))}/s`,
    `${COUNT.format(rest.blocks)} blocks`,
    `${rest.corpus} kept`,
  ]);
  const widths = rows[0].map((_, i) =>
    Math.max(...rows.map((r) => r[i].length))
  );
  return rows.map(([name, ...cells]) =>
    [
      name.padEnd(widths[0]),
      ...cells.map((cell, i) => cell.padStart(widths[i + 1])),
    ].join("  ")
  ).join("\n");
}

/** Writes the input down; returns what to say of it. */
export function describe(
  { target, input, cause }: Finding,
  seed: number,
): string {
  const path = Deno.makeTempFileSync({ prefix: `scanlogd-fuzz-${target}-` });
  Deno.writeFileSync(path, input);
  return [
    `fuzz: ${target} failed with --seed ${seed}; its input is in ${path}`,
    `fuzz: run it again with: deno task fuzz --target ${target} --replay ${path}`,
    cause instanceof Error ? cause.stack : String(cause),
  ].join("\n");
}

async function replay(target: Target, path: string): Promise<void> {
  const input = Deno.readFileSync(path);
  try {
    const { units, signature } = await target.run(input);
    console.log(`${target.name}: ${units} ${target.unit}, ${signature}`);
  } finally {
    target.close?.();
  }
}

/** What the command line says. */
interface Request extends FuzzOptions {
  /** A file to run again. */
  replay?: string;
}

function readArguments(args: readonly string[]): Request {
  const texts = parseArgs(args, {
    string: ["seconds", "seed", "target", "packets", "files", "replay"],
    unknown: (arg: string) => {
      throw new Error(`unknown option ${arg}`);
    },
  }) as Record<string, string | undefined>;
  const number = (name: string): number | undefined => {
    const text = texts[name];
    if (text === undefined) return undefined;
    if (/^\d{1,10}$/.test(text)) return Number(text);
    throw new Error(`--${name} must be a number, got "${text}"`);
  };
  const amounts = new Map<Unit, number>();
  for (const unit of ["packets", "files"] as const) {
    const amount = number(unit);
    if (amount !== undefined) amounts.set(unit, amount);
  }
  const { target, replay } = texts;
  if (replay !== undefined && target === undefined) {
    throw new Error("--replay needs --target");
  }
  return {
    targets: target === undefined ? TARGETS : [targetOf(target)],
    seed: number("seed") ?? runSeed(),
    seconds: number("seconds") ??
      (amounts.size === 0 ? DEFAULT_SECONDS : undefined),
    amounts,
    replay,
  };
}

async function main(args: readonly string[]): Promise<number> {
  let seed = 0;
  try {
    const request = readArguments(args);
    seed = request.seed;
    if (request.replay !== undefined) {
      await replay(request.targets[0], request.replay);
      return 0;
    }
    console.log(`fuzz: --seed ${seed}`);
    const show = (figures: Figures[]) => console.log(`${table(figures)}\n`);
    console.log(table(await fuzz(request, show)));
    return 0;
  } catch (error) {
    if (error instanceof Finding) console.error(describe(error, seed));
    else {console.error(
        `fuzz: ${error instanceof Error ? error.message : error}`,
      );}
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
