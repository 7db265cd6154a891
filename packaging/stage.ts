/**
 * Lays the files out in a folder, as the tarball and the packages have them.
 *
 * @module
 */

import { Failure } from "../daemon/failure.ts";
import type { Item, Root } from "./layout.ts";

/** Where each root is inside the folder. */
export type Places = Readonly<Record<Root, string>>;

/** As install.sh wants them: it decides later what the prefix is. */
export const FOR_INSTALLER: Places = {
  prefix: "files/prefix",
  system: "files/system",
  etc: "files/etc",
};

/** As the packages of a distribution have them. */
export const FOR_PACKAGES: Places = {
  prefix: "usr",
  system: "usr/lib",
  etc: "etc",
};

/**
 * Writes the items into the folder.
 *
 * @throws {Failure} If there is no executable.
 */
export async function stage(
  folder: string,
  items: readonly Item[],
  places: Places,
): Promise<void> {
  for (const { root, path, mode, read } of items) {
    const bytes = await content(read);
    await write(folder, { path: `${places[root]}/${path}`, mode, bytes });
  }
}

async function content(read: Item["read"]): Promise<Uint8Array> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const [, path] = /'([^']*)'[^']*$/.exec(error.message) ?? [];
    throw new Failure(
      `there is no ${path}; the executable is built with: npx -y deno@${Deno.version.deno} task compile`,
    );
  }
}

/** What to write and how. */
interface StagedFile {
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

async function write(
  folder: string,
  { path, mode, bytes }: StagedFile,
): Promise<void> {
  let parent = folder;
  for (const name of path.split("/").slice(0, -1)) {
    parent += `/${name}`;
    await Deno.mkdir(parent, { recursive: true });
    // Whatever the umask: a package takes these permissions along.
    await Deno.chmod(parent, 0o755);
  }
  await Deno.writeFile(`${folder}/${path}`, bytes);
  await Deno.chmod(`${folder}/${path}`, mode);
}
