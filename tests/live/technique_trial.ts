/**
 * Tries a technique on a watched host of its own.
 *
 * @module
 */

import { eventually, pause, type Process } from "./processes.ts";
import { TargetHost } from "./target_host.ts";
import {
  type Defence,
  DEFENCES,
  expectedLine,
  type Family,
  type Technique,
  techniques,
  titleOf,
} from "./techniques.ts";

/** A scan that nobody tells within this time stays unseen. */
const HIDDEN_MS = 8_000;
/** Longer than lines take to arrive. */
const SETTLE_MS = 500;

/** What is tried. */
export interface Plan {
  /** How the host is scanned. */
  technique: Technique;
  /** With which version of the internet protocol. */
  family: Family;
  /** The host's defence. */
  defence: Defence;
}

/** What came of it. */
export interface Trial extends Plan {
  /** The first line that our program told, if it did. */
  line?: string;
  /** The line that was expected. */
  expected: RegExp;
  /** From the command's start to that line, or to its end. */
  seconds: number;
  /** The first line that the reference told, if it ran and did. */
  referenceLine?: string;
  /**
   * If the technique was to stay unseen: the first line about an ordinary scan
   * that came after it.
   */
  afterwards?: string;
  /** What scanner and program have written. */
  output: string;
}

/** All that there is to try, what takes longest first. */
export function plans(): Plan[] {
  const all = techniques.flatMap((technique) =>
    technique.families.flatMap((family) =>
      (Object.keys(DEFENCES) as Defence[]).map((defence) => (
        { technique, family, defence }
      ))
    )
  );
  const weight = (plan: Plan) =>
    plan.technique.patience * 1_000 + (isHidden(plan) ? HIDDEN_MS : 0);
  return all.sort((a, b) => weight(b) - weight(a));
}

/** What a plan is called. */
export function planTitle({ technique, family, defence }: Plan): string {
  return `${titleOf(technique, family)}, ${DEFENCES[defence]}`;
}

/** Whether the technique cannot be seen there. */
export function isHidden({ technique, defence }: Plan): boolean {
  return technique.hiddenOn.includes(defence);
}

/** Whether the reference can run side by side with our program. */
export function hasReference({ family, defence }: Plan): boolean {
  return family === 4 && defence === "open";
}

/** Tries it. */
export async function tryTechnique(plan: Plan): Promise<Trial> {
  const { technique, family, defence } = plan;
  await using host = await TargetHost.create(defence, {
    network: technique.form === "sweep",
    reference: hasReference(plan),
  });
  const target = host.target(family);
  const expected = expectedLine(technique, target);
  const start = performance.now();
  await using scan = host.scan(technique.command(target));
  const patience = isHidden(plan) ? HIDDEN_MS : technique.patience * 1_000;
  const line = await firstLine(host.daemon, patience);
  const seconds = (performance.now() - start) / 1_000;
  await scan[Symbol.asyncDispose]();
  const trial: Trial = { ...plan, line, expected, seconds, output: "" };
  if (hasReference(plan)) {
    await pause(SETTLE_MS);
    trial.referenceLine = host.referenceLines()[0];
  }
  if (isHidden(plan) && line === undefined) {
    trial.afterwards = await scanPlainly(host, family);
  }
  await host.daemon.stop();
  trial.output = outputOf(technique.command(target), scan, host.daemon);
  return trial;
}

/** A scan that every program finds: the daemon still watches. */
async function scanPlainly(
  host: TargetHost,
  family: Family,
): Promise<string | undefined> {
  const [plain] = techniques;
  await using _scan = host.scan(plain.command(host.target(family)));
  return await firstLine(host.daemon, plain.patience * 1_000);
}

async function firstLine(
  { stdout }: Process,
  patience: number,
): Promise<string | undefined> {
  try {
    return await eventually(() => stdout[0], () => "a line", patience);
  } catch {
    return undefined;
  }
}

function outputOf(
  command: readonly string[],
  scan: Process,
  daemon: Process,
): string {
  return [
    `$ ${command.join(" ")}`,
    ...[...scan.stdout, ...scan.stderr].map(lastState),
    "$ scanlogd --output stdout",
    ...daemon.stdout,
    ...daemon.stderr,
  ].join("\n");
}

/** What is left of a line that masscan has written over and over. */
function lastState(line: string): string {
  return line.split("\r").findLast((state) => state.trim() !== "") ?? "";
}

/** Runs so many tasks at a time, in their order; returns each one's result. */
export function limited<T>(
  limit: number,
  tasks: readonly (() => Promise<T>)[],
): Promise<PromiseSettledResult<T>>[] {
  const results = tasks.map(() =>
    Promise.withResolvers<PromiseSettledResult<T>>()
  );
  let next = 0;
  const work = async () => {
    while (next < tasks.length) {
      const i = next++;
      const [result] = await Promise.allSettled([tasks[i]()]);
      results[i].resolve(result);
    }
  };
  for (let i = 0; i < limit; i++) work();
  return results.map(({ promise }) => promise);
}
