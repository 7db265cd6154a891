/**
 * Whose authority the process's threads have, as the kernel tells it.
 *
 * @module
 */

import { checked, cString, libc } from "../ffi/libc.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY_ARM,
  O_DIRECTORY_X86,
  O_RDONLY,
} from "../ffi/linux.ts";

/** What /proc/PID/task/TID/status says of a thread. */
export interface ThreadStatus {
  /** The thread's number. */
  tid: number;
  /** Real, effective, saved and file system user. */
  uids: number[];
  /** Real, effective, saved and file system group. */
  gids: number[];
  /** Supplementary groups. */
  groups: number[];
  /** Capability sets by name (CapInh, CapPrm, CapEff, CapBnd, CapAmb). */
  capabilities: Record<string, bigint>;
}

const O_DIRECTORY = Deno.build.arch === "aarch64"
  ? O_DIRECTORY_ARM
  : O_DIRECTORY_X86;
const SEEK_SET = 0;

/**
 * Reads the status of all threads. Opened before chroot, it goes on working
 * behind it.
 */
export class ThreadWatch {
  readonly #directory: number;

  /** @throws {SystemError} If /proc is not there. */
  constructor() {
    this.#directory = checked(
      libc().openat(
        AT_FDCWD,
        cString("/proc/self/task"),
        O_RDONLY | O_DIRECTORY | O_CLOEXEC,
        0,
      ),
      "open /proc/self/task",
    );
  }

  /** The status of each thread there is at the moment. */
  read(): ThreadStatus[] {
    return this.#threads().flatMap((tid) => {
      const text = this.#readStatus(tid);
      return text === undefined ? [] : [parseStatus(tid, text)];
    });
  }

  /** Lists the directory: struct linux_dirent64 (getdents64(2)). */
  #threads(): number[] {
    const buffer = new Uint8Array(32_768);
    const view = new DataView(buffer.buffer);
    const tids: number[] = [];
    checked(libc().lseek(this.#directory, 0n, SEEK_SET), "lseek");
    for (;;) {
      const length = Number(checked(
        libc().getdents64(this.#directory, buffer, BigInt(buffer.length)),
        "getdents64 of /proc/self/task",
      ));
      if (length === 0) return tids;
      for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
        const end = buffer.indexOf(0, at + 19);
        const name = decoder.decode(buffer.subarray(at + 19, end));
        if (/^\d+$/.test(name)) tids.push(Number(name));
      }
    }
  }

  /** Undefined if the thread has ended meanwhile. */
  #readStatus(tid: number): string | undefined {
    const fd = libc().openat(
      this.#directory,
      cString(`${tid}/status`),
      O_RDONLY | O_CLOEXEC,
      0,
    );
    if (fd < 0) return undefined;
    const buffer = new Uint8Array(8192);
    const length = Number(libc().read(fd, buffer, BigInt(buffer.length)));
    libc().close(fd);
    return length <= 0 ? undefined : decoder.decode(buffer.subarray(0, length));
  }

  /** Closes the directory. */
  close(): void {
    libc().close(this.#directory);
  }
}

const decoder = new TextDecoder();

function parseStatus(tid: number, text: string): ThreadStatus {
  const fields = new Map(
    text.split("\n").map((line) => {
      const [name, value] = line.split(":\t");
      return [name, value ?? ""];
    }),
  );
  const numbers = (name: string) =>
    (fields.get(name) ?? "").split(/\s+/).filter((part) => part !== "")
      .map(Number);
  const sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
  return {
    tid,
    uids: numbers("Uid"),
    gids: numbers("Gid"),
    groups: numbers("Groups"),
    capabilities: Object.fromEntries(
      sets.map((name) => [name, BigInt(`0x${fields.get(name) || "0"}`)]),
    ),
  };
}
