/**
 * What an installation has put where: so that the next one knows what it may
 * replace, and uninstalling what to remove.
 *
 * @module
 */

/** The files that were installed. */
export interface Installation {
  /** SHA-256 of each, by path without DESTDIR. */
  readonly files: ReadonlyMap<string, string>;
  /** Directories that were made for them, each before those inside it. */
  readonly directories: readonly string[];
}

/** Where the record of an installation lies. */
export function recordPath(prefix: string): string {
  return `${prefix}/share/scanlogd/installed.json`;
}

/** Reads a record; an empty one if there is none. */
export async function readRecord(path: string): Promise<Installation> {
  try {
    const { files, directories } = JSON.parse(await Deno.readTextFile(path));
    return { files: new Map(Object.entries(files)), directories };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { files: new Map(), directories: [] };
  }
}

/** The text of a record. */
export function recordText({ files, directories }: Installation): string {
  const content = { files: Object.fromEntries(files), directories };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** The SHA-256 of some bytes, as `sha256sum` writes it. */
export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
