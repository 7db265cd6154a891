/**
 * Makes the release tarball and packages from an executable.
 *
 *     deno task package [KIND...] [--binary PATH] [--output DIR]
 *
 * KIND is tarball, deb, rpm or sbom (a list of what the executable is made of)
 * [tarball deb]. Packages are for this machine's
 * architecture; `--target TARGET` names the tarball's, if that is another one.
 *
 * DEBFULLNAME and DEBEMAIL name the maintainer of a .deb.
 *
 * @module
 */

import { Failure } from "../daemon/failure.ts";
import { parseArgs } from "../daemon/std.ts";
import { TARGETS } from "./compile.ts";
import { makeDeb } from "./deb.ts";
import { readVersion, type Release, releaseTime, ROOT } from "./release.ts";
import { makeRpm } from "./rpm.ts";
import { makeSbom } from "./sbom.ts";
import { makeTarball } from "./tarball.ts";

const KINDS = ["tarball", "deb", "rpm", "sbom"] as const;
type Kind = typeof KINDS[number];

/** What to make, of what. */
export interface PackageOptions {
  readonly kinds: readonly Kind[];
  readonly binary: string;
  readonly output: string;
  /** What the executable runs on. */
  readonly target: string;
}

/**
 * Reads the arguments.
 *
 * @throws {Failure} If they are wrong.
 */
export function packageOptions(args: readonly string[]): PackageOptions {
  const { _: kinds, ...texts } = parseArgs(args, {
    string: ["_", "binary", "output", "target"],
    unknown: (arg, key) => {
      if (key === undefined) return true;
      throw new Failure(
        `unknown argument ${arg}; possible: --binary, --output and --target`,
      );
    },
  }) as { _: string[]; binary?: string; output?: string; target?: string };
  for (const kind of kinds) {
    if (KINDS.includes(kind as Kind)) continue;
    throw new Failure(
      `cannot make "${kind}"; possible: ${KINDS.join(", ")}`,
    );
  }
  const {
    binary = `${ROOT}dist/scanlogd`,
    output = `${ROOT}dist`,
    target = Deno.build.target,
  } = texts;
  checkTarget(target, kinds);
  return {
    kinds: kinds.length === 0 ? ["tarball", "deb"] : kinds as Kind[],
    binary,
    output: output.replace(/(.)\/+$/, "$1"),
    target,
  };
}

function checkTarget(target: string, kinds: readonly string[]): void {
  if (!TARGETS.includes(target)) {
    throw new Failure(
      `--target must be one of ${TARGETS.join(", ")}, got "${target}"`,
    );
  }
  const isForeign = target !== Deno.build.target;
  if (isForeign && kinds.join() !== "tarball") {
    throw new Failure(
      `deb and rpm are for this machine, ${Deno.build.target}; with --target, make the tarball alone`,
    );
  }
}

const MAKERS: Record<
  Kind,
  (release: Release, target: string) => Promise<string>
> = { tarball: makeTarball, deb: makeDeb, rpm: makeRpm, sbom: makeSbom };

/**
 * Makes the packages; returns their paths.
 *
 * @throws {Failure} If one cannot be made.
 */
export async function makePackages(
  { kinds, binary, output, target }: PackageOptions,
): Promise<string[]> {
  const version = await readVersion();
  const time = await releaseTime(version);
  await Deno.mkdir(output, { recursive: true });
  const paths: string[] = [];
  for (const kind of kinds) {
    const release = { version, time, binary, output };
    paths.push(await MAKERS[kind](release, target));
  }
  return paths;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const paths = await makePackages(packageOptions(args));
    for (const path of paths) console.log(path);
    return 0;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    console.error(`package: ${text}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
