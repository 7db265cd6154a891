/**
 * The release tarball: what install.sh needs, and nothing else.
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
import { FOR_INSTALLER, stage } from "./stage.ts";

/** Each of these tars writes the same bytes for the same files. */
const TAR_FLAGS = Deno.build.os === "darwin"
  ? ["--uid=0", "--gid=0", "--numeric-owner"]
  : ["--owner=0", "--group=0", "--numeric-owner"];

/**
 * Makes the tarball; returns its path.
 *
 * @param target What the executable runs on.
 * @throws {Failure} If it cannot be made.
 */
export function makeTarball(
  { version, time, binary, output }: Release,
  target: string,
): Promise<string> {
  return withFolder(async (folder) => {
    const name = `scanlogd-${version}-${target}`;
    const top = `${folder}/${name}`;
    await stage(top, layout(binary), FOR_INSTALLER);
    await copyExecutable(`${ROOT}packaging/install.sh`, `${top}/install`);
    await copyDocuments(top);
    const paths = await listFiles(top, name);
    for (const path of paths) await Deno.utime(`${folder}/${path}`, time, time);
    await Deno.writeTextFile(`${folder}/list`, `${paths.join("\n")}\n`);
    const tarball = `${output}/${name}.tar.gz`;
    const pack = ["tar", "--format=ustar", ...TAR_FLAGS, "-cf", "tar"];
    await runTool([...pack, "-T", "list"], folder, "install it");
    // Without name and time.
    await runTool(["gzip", "-9n", "tar"], folder, "install it");
    await Deno.copyFile(`${folder}/tar.gz`, tarball);
    return tarball;
  });
}

async function copyExecutable(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  await Deno.chmod(to, 0o755);
}

/** The files below a folder, sorted, with a name in the folder's place. */
async function listFiles(folder: string, name: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const [path, called] = [folder, name].map((one) => `${one}/${entry.name}`);
    if (entry.isDirectory) paths.push(...await listFiles(path, called));
    else paths.push(called);
  }
  return paths.sort();
}
