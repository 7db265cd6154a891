/**
 * The Debian package, made by debhelper.
 *
 * @module
 */

import { layout } from "./layout.ts";
import {
  copyDocuments,
  type Release,
  ROOT,
  runTool,
  withFolder,
} from "./release.ts";
import { FOR_PACKAGES, stage } from "./stage.ts";

const NAME = "scanlogd-deno";
const TEMPLATES = `${ROOT}packaging/debian`;
const HINT = "install it with: apt-get install debhelper fakeroot";

/**
 * Makes the package for this machine's architecture; returns its path.
 *
 * @throws {Failure} If it cannot be made.
 */
export function makeDeb(release: Release): Promise<string> {
  return withFolder(async (folder) => {
    const source = `${folder}/source`;
    const items = layout(release.binary).filter((one) => !one.isForInstaller);
    await stage(`${source}/tree`, items, FOR_PACKAGES);
    await copyDocuments(source);
    await writeDebian(`${source}/debian`, release);
    await runTool(["fakeroot", "debian/rules", "binary"], source, HINT);
    return await moveDeb(folder, release.output);
  });
}

async function writeDebian(folder: string, release: Release): Promise<void> {
  await Deno.mkdir(folder);
  const values = {
    "@MAINTAINER@": maintainer(),
    "@LICENSE@": await licence(),
  };
  for await (const { name } of Deno.readDir(TEMPLATES)) {
    const text = Object.entries(values).reduce(
      (text, [mark, value]) => text.replace(mark, () => value),
      await Deno.readTextFile(`${TEMPLATES}/${name}`),
    );
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  await Deno.chmod(`${folder}/rules`, 0o755);
  await Deno.writeTextFile(`${folder}/changelog`, changelog(release));
}

/** By the variables that Debian's own tools ask for. */
function maintainer(): string {
  const name = Deno.env.get("DEBFULLNAME") ?? "the scanlogd for Deno authors";
  const email = Deno.env.get("DEBEMAIL") ?? "scanlogd@example.org";
  return `${name} <${email}>`;
}

/** As control files have text of several lines. */
async function licence(): Promise<string> {
  const text = await Deno.readTextFile(`${ROOT}LICENSE`);
  const [, terms] = /\n(Permission is [^]*)$/.exec(text) ?? ["", text];
  return terms.trimEnd().split("\n").map((line) => ` ${line || "."}`)
    .join("\n");
}

function changelog({ version, time }: Release): string {
  // A version before the one that it leads up to sorts before it.
  const sorting = version.replace("-", "~");
  const date = new Date(time * 1000).toUTCString().replace("GMT", "+0000");
  return `${NAME} (${sorting}-1) stable; urgency=medium

  * See changelog.gz.

 -- ${maintainer()}  ${date}
`;
}

/** debhelper puts the package beside the source. */
async function moveDeb(folder: string, output: string): Promise<string> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".deb") || !name.startsWith(`${NAME}_`)) continue;
    await Deno.copyFile(`${folder}/${name}`, `${output}/${name}`);
    return `${output}/${name}`;
  }
  throw new Error("debhelper has made no package");
}
