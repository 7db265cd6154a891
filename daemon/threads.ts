/**
 * Whose authority the process's threads have, according to the kernel.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";
import { Failure } from "./failure.ts";
import { ProcDirectory } from "./proc_directory.ts";

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

const SEEK_SET = 0;

/**
 * Finds the process's threads. Opened before chroot, it goes on working behind
 * it.
 */
export class ThreadDirectory {
  readonly #directory = new ProcDirectory("/proc/self/task");

  /** Opens the status of each thread there is at the moment. */
  open(): ThreadStatusFiles {
    const files = this.#directory.numbers().map((tid) => ({
      tid,
      fd: this.#directory.open(`${tid}/status`),
    }));
    // A thread may have ended meanwhile; of any other, all must be known.
    for (const { tid, fd } of files) {
      if (fd >= 0 || !this.#directory.has(`${tid}`)) continue;
      throw new Failure(
        `the status of thread ${tid} cannot be read: refusing to go on; allow more open files, with ulimit -n or LimitNOFILE=`,
      );
    }
    return new ThreadStatusFiles(files.filter(({ fd }) => fd >= 0));
  }

  /** The status of each thread there is at the moment. */
  look(): ThreadStatus[] {
    const files = this.open();
    try {
      return files.read();
    } finally {
      files.close();
    }
  }

  /** Closes the directory. */
  close(): void {
    this.#directory.close();
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
