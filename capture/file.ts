/**
 * Capture files, read from disk or from standard input.
 *
 * @module
 */

import type { PacketHandler } from "../detect/packet.ts";
import type { Capture, CaptureStatistics } from "./capture.ts";
import { CaptureFileError, SavefileReader } from "./savefile.ts";

/** Large enough that the cost of a read does not count. */
const CHUNK_SIZE = 1 << 20;

const STOPPED = -1;

/** Reads packets from a capture file. */
export class FileCapture implements Capture {
  readonly description: string;
  readonly #name: string;
  readonly #file: Pick<Deno.FsFile, "read" | "close">;
  readonly #stopped = Promise.withResolvers<null>();
  #received = 0;

  /**
   * @param path The file, or "-" for standard input.
   * @throws {Error} If the file cannot be opened.
   */
  constructor(path: string) {
    this.#name = path === "-" ? "standard input" : path;
    this.description = this.#name;
    this.#file = path === "-" ? Deno.stdin : openFile(path);
  }

  async run(handler: PacketHandler): Promise<void> {
    const reader = new SavefileReader((packet) => {
      this.#received++;
      handler(packet);
    });
    try {
      await this.#feed(reader);
    } catch (error) {
      if (!(error instanceof CaptureFileError)) throw error;
      throw new Error(
        `${this.#name}: ${error.message}, at byte ${error.offset}`,
      );
    }
  }

  async #feed(reader: SavefileReader): Promise<void> {
    const chunk = new Uint8Array(CHUNK_SIZE);
    const stopped = this.#stopped.promise.then(() => STOPPED);
    for (;;) {
      // A read from a pipe may wait for ever.
      const length = await Promise.race([this.#file.read(chunk), stopped]);
      if (length === STOPPED) return;
      if (length === null) return reader.end();
      reader.push(chunk.subarray(0, length));
    }
  }

  stop(): void {
    this.#stopped.resolve(null);
  }

  statistics(): CaptureStatistics {
    return { received: this.#received, dropped: 0 };
  }

  close(): void {
    this.#file.close();
  }
}

function openFile(path: string): Deno.FsFile {
  try {
    const file = Deno.openSync(path);
    if (!file.statSync().isDirectory) return file;
    file.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Error(`--read: there is no file "${path}"`);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`--read: cannot open "${path}": ${reason}`);
  }
  throw new Error(`--read: "${path}" is a directory, a file is needed`);
}
