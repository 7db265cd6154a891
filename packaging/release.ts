/**
 * What is to be packed, and the folder that it is packed in.
 *
 * @module
 */

import { Failure } from "../daemon/failure.ts";

/** The checkout. */
export const ROOT = new URL("../", import.meta.url).pathname;

/** What the packages are made of, and where they go. */
export interface Release {
  /** As in deno.json. */
  readonly version: string;
  /** When it was released, in seconds since 1970. */
  readonly time: number;
  readonly binary: string;
  /** The folder for the packages. */
  readonly output: string;
}

/** The version in deno.json. */
export async function readVersion(): Promise<string> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)).version;
}

/**
 * When a version was released: SOURCE_DATE_EPOCH, else the date in the
 * changelog, else today.
 */
export async function releaseTime(version: string): Promise<number> {
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH");
  if (epoch !== undefined) return Number(epoch);
  const changes = await Deno.readTextFile(`${ROOT}CHANGELOG.md`);
  const heading = changes.split("\n").find((line) =>
    line.startsWith(`## [${version}] - `)
  );
  const [date] = /\d{4}-\d\d-\d\d$/.exec(heading ?? "") ??
    [new Date().toISOString().slice(0, 10)];
  return Date.parse(date) / 1000;
}

/**
 * What every package has for people to read, in the checkout and there: the
 * README and all that its links lead to.
 */
export function documentPaths(): string[] {
  return [
    ...["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"],
    ...["README.md", "SECURITY.md", ...filesBelow("docs")],
  ];
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap((entry) =>
    entry.isDirectory
      ? filesBelow(`${folder}/${entry.name}`)
      : [`${folder}/${entry.name}`]
  ).sort();
}

/** Puts the documents into a folder. */
export async function copyDocuments(folder: string): Promise<void> {
  for (const path of documentPaths()) {
    const parent = path.replace(/[^/]*$/, "");
    await Deno.mkdir(`${folder}/${parent}`, { recursive: true, mode: 0o755 });
    await Deno.copyFile(ROOT + path, `${folder}/${path}`);
    await Deno.chmod(`${folder}/${path}`, 0o644);
  }
}

/**
 * Runs a program to its end; returns its standard output.
 *
 * @param hint What to do if it is missing.
 * @throws {Failure} If it is missing or fails.
 */
export async function runTool(
  command: readonly string[],
  cwd: string,
  hint: string,
): Promise<string> {
  const [program, ...args] = command;
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args,
      cwd,
      env: { LC_ALL: "C" },
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (success) return text;
    const errors = new TextDecoder().decode(stderr);
    throw new Failure(`${program} failed:\n${text}${errors}`.trimEnd());
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Failure(`there is no ${program}; ${hint}`);
  }
}

/** Makes a folder for the time that something takes. */
export async function withFolder<T>(
  body: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "scanlogd-package-" });
  try {
    // Others have to read what is packed.
    await Deno.chmod(folder, 0o755);
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
