/**
 * The text of a file that an option names.
 *
 * @module
 */

import { Failure } from "./failure.ts";

/** A million networks and more, but not a device that never ends. */
const MOST_BYTES = 64 << 20;
const CHUNK_BYTES = 1 << 16;

/**
 * Reads it, without the byte order mark that some editors begin it with.
 *
 * @param option Which option names it, for messages.
 * @throws {Failure} If it cannot be read.
 */
export function readTextFile(option: string, path: string): string {
  try {
    return new TextDecoder().decode(readBytes(option, path));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${option}: ${whyUnreadable(path, error as Error)}`);
  }
}

function readBytes(option: string, path: string): Uint8Array {
  // Opening one could take for ever; one of the shell's has no name, and a writer.
  if (isNamedPipe(path)) {
    throw new Failure(`${option}: "${path}" is a pipe; name a file of text`);
  }
  using file = Deno.openSync(path);
  let bytes = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  for (let n; (n = file.readSync(bytes.subarray(length))) !== null;) {
    length += n;
    if (length > MOST_BYTES) {
      throw new Failure(
        `${option}: "${path}" has more than ${
          MOST_BYTES >> 20
        } MiB; name a file of text`,
      );
    }
    if (length < bytes.length) continue;
    const larger = new Uint8Array(2 * bytes.length);
    larger.set(bytes);
    bytes = larger;
  }
  return bytes.subarray(0, length);
}

function isNamedPipe(path: string): boolean {
  try {
    return Deno.lstatSync(Deno.realPathSync(path)).isFifo ?? false;
  } catch {
    return false;
  }
}

function whyUnreadable(path: string, error: Error): string {
  if (error instanceof Deno.errors.NotFound) {
    return `there is no file "${path}"; name another one, or leave the option out`;
  }
  if (isDirectory(path)) return `"${path}" is a directory; name a file in it`;
  return error instanceof Deno.errors.PermissionDenied
    ? `cannot read "${path}": permission denied; start as root, or let this user read it`
    : `cannot read "${path}": ${error.message}`;
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
