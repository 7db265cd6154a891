/**
 * What the running program accepts: its configuration, read again. A socket with a
 * name, which only the user that started the program can write to.
 *
 * @module
 */

import {
  addressOf,
  bindControl,
  connectControl,
  type ControlMessage,
  readText,
  receiveControl,
} from "../ffi/control_socket.ts";
import { closeDescriptor, keepDescriptor } from "../ffi/descriptors.ts";
import { fileStatus } from "../ffi/file_status.ts";
import {
  cString,
  ECONNREFUSED,
  errno,
  libc,
  SystemError,
} from "../ffi/libc.ts";
import { AT_FDCWD, POLLIN } from "../ffi/linux.ts";
import { AT_REMOVEDIR, madePath } from "../ffi/made.ts";
import { isParentWritable } from "../ffi/parent_directory.ts";
import { logDetail, logWarning } from "./diagnostics.ts";
import { Failure } from "./failure.ts";
import type { Options } from "./options.ts";
import { isRoot } from "./privileges.ts";
import { alone, checkAlone } from "./start_lock.ts";

/** Where the socket is if nobody says otherwise; its directory is made. */
const DIRECTORY = "/run/scanlogd";
const DIRECTORY_MODE = 0o755;

/** What the other side may ask for: the arguments, or to take something over. */
export type Request =
  | { readonly type: "arguments" }
  | {
    readonly type: "reload";
    /** The options' values, but for what was not given. */
    readonly values: Readonly<Record<string, unknown>>;
    /** What is to be ignored, the files' lines included. */
    readonly ignored: readonly string[];
  };

/** What is answered; an error says why nothing was changed. */
export interface Answer {
  readonly error?: string;
  readonly arguments?: readonly string[];
  readonly directory?: string;
}

const encoder = new TextEncoder();

/** Listens on the socket. */
export class ControlSocket {
  readonly #fd: number;
  readonly #uid: number;
  readonly #answer: (request: Request) => Answer;

  private constructor(fd: number, answer: (request: Request) => Answer) {
    this.#fd = keepDescriptor(fd);
    this.#uid = libc().geteuid();
    this.#answer = answer;
  }

  /**
   * Binds the socket that the options name.
   *
   * @param answer Does what is asked for.
   * @returns Undefined if nobody asked for one and there can be none.
   * @throws {Failure} If the one asked for cannot be bound.
   */
  static open(
    options: Options,
    answer: (request: Request) => Answer,
  ): ControlSocket | undefined {
    if (Deno.build.os !== "linux" || options.read !== undefined) return;
    const path = options.control;
    const isWanted = options.given.has("control");
    // A trial leaves nothing behind, its directory neither.
    if (!isWanted && (options.trial || !isRoot())) return;
    try {
      if (!isWanted) makeDirectory();
      return new ControlSocket(alone(path, () => bindAnew(path)), answer);
    } catch (error) {
      if (isWanted) throw cannotListen(path, error);
      logDetail(`${cannotListen(path, error).message}; --reload will not work`);
      return undefined;
    }
  }

  /**
   * Checks that the socket that is asked for could be bound, were nobody there.
   *
   * @throws {Failure} If it could not.
   */
  static check({ control: path, given, read }: Options): void {
    if (Deno.build.os !== "linux" || read !== undefined) return;
    if (!given.has("control")) return;
    try {
      addressOf(path);
      findStale(path);
      checkAlone(path);
      if (!isParentWritable(path)) {
        throw new SystemError("its directory", errno());
      }
    } catch (error) {
      throw cannotListen(path, error);
    }
  }

  /** Answers for as long as the program runs. */
  async listen(): Promise<void> {
    const polled = new DataView(new ArrayBuffer(8)); // struct pollfd
    polled.setInt32(0, this.#fd, true);
    polled.setInt16(4, POLLIN, true);
    for (;;) {
      await libc().poll(polled.buffer, 1n, -1);
      const message = receiveControl(this.#fd);
      if (message !== undefined) this.#take(message);
    }
  }

  #take({ uid, descriptors }: ControlMessage): void {
    const [text, reply] = descriptors;
    if (uid === this.#uid && descriptors.length === 2) {
      const answer = encoder.encode(JSON.stringify(this.#respond(text)));
      libc().write(reply, answer, BigInt(answer.length));
    } else {
      logWarning(`--control: a message of user ${uid ?? "?"} is passed over`);
    }
    for (const fd of descriptors) libc().close(fd);
  }

  #respond(fd: number): Answer {
    const text = readText(fd);
    if (text === undefined) return { error: "the message cannot be read" };
    try {
      return this.#answer(JSON.parse(text) as Request);
    } catch (error) {
      return { error: (error as Error).message };
    }
  }

  /** Stops listening; behind chroot the name stays. */
  close(): void {
    closeDescriptor(this.#fd);
  }
}

function makeDirectory(): void {
  if (libc().mkdir(cString(DIRECTORY), DIRECTORY_MODE) < 0) return;
  madePath(DIRECTORY, AT_REMOVEDIR);
}

function bindAnew(path: string): number {
  removeStale(path);
  const fd = bindControl(path);
  madePath(path);
  return fd;
}

/**
 * A socket that nobody listens on is left over from a run before. Nothing else is
 * removed: connecting to an ordinary file is refused in the same words.
 *
 * @throws {Failure} If somebody listens, or it is no socket, or another user's.
 */
function removeStale(path: string): void {
  if (!findStale(path)) return;
  try {
    libc().close(connectControl(path));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === ECONNREFUSED) libc().unlink(cString(path));
    return;
  }
  throw new Failure("another scanlogd listens there");
}

/** Returns whether there is a socket of ours, old or new. */
function findStale(path: string): boolean {
  const status = fileStatus(AT_FDCWD, path);
  if (status === undefined) return false;
  if (status.type !== "socket") throw new Failure("something else is there");
  if (status.uid === libc().geteuid()) return true;
  throw new Failure(`a socket of user ${status.uid} is there`);
}

function cannotListen(path: string, error: unknown): Failure {
  const { message } = error as Error;
  return new Failure(
    `--control: cannot listen at ${path}: ${message}; name another path, in a directory that exists`,
  );
}
