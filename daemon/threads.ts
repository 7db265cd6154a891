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
  /** Whether privileges can be gained by executing a file: 1 if not. */
  noNewPrivs: number;
  /** 0: no seccomp, 2: a filter. */
  seccomp: number;
}

const O_DIRECTORY = Deno.build.arch === "aarch64"
  ? O_DIRECTORY_ARM
  : O_DIRECTORY_X86;
const SEEK_SET = 0;

/**
 * Finds the process's threads. Opened before chroot, it goes on working behind
 * it.
 */
export class ThreadDirectory {
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

  /** Opens the status of each thread there is at the moment. */
  open(): ThreadStatusFiles {
    const files = this.#threads().map((tid) => ({
      tid,
      fd: libc().openat(
        this.#directory,
        cString(`${tid}/status`),
        O_RDONLY | O_CLOEXEC,
        0,
      ),
    }));
    // A thread may have ended meanwhile.
    return new ThreadStatusFiles(files.filter(({ fd }) => fd >= 0));
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

  /** Closes the directory. */
  close(): void {
    libc().close(this.#directory);
  }
}

/** Opened status files: they can be read where nothing can be opened any more. */
export class ThreadStatusFiles {
  readonly #files: readonly { tid: number; fd: number }[];

  constructor(files: readonly { tid: number; fd: number }[]) {
    this.#files = files;
  }

  /** The status of each thread that has not ended meanwhile. */
  read(): ThreadStatus[] {
    const buffer = new Uint8Array(8192);
    return this.#files.flatMap(({ tid, fd }) => {
      libc().lseek(fd, 0n, SEEK_SET);
      const length = Number(libc().read(fd, buffer, BigInt(buffer.length)));
      if (length <= 0) return [];
      return [parseStatus(tid, decoder.decode(buffer.subarray(0, length)))];
    });
  }

  /** Closes the files. */
  close(): void {
    for (const { fd } of this.#files) libc().close(fd);
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
    noNewPrivs: numbers("NoNewPrivs")[0] ?? 0,
    seccomp: numbers("Seccomp")[0] ?? 0,
  };
}
