/**
 * The C library. The only place that opens it.
 *
 * @module
 */

import { LINUX_SYMBOLS, POSIX_SYMBOLS } from "./libc_symbols.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "./linux.ts";

/**
 * The C library's functions. Those of Linux are missing elsewhere; what calls
 * them is only reached there.
 */
export type Libc =
  & Deno.DynamicLibrary<typeof POSIX_SYMBOLS>["symbols"]
  & Deno.DynamicLibrary<typeof LINUX_SYMBOLS>["symbols"];

let opened: Libc | undefined;
let errnoView: Int32Array<ArrayBuffer> | undefined;

/** Opens the C library at its first use. */
export function libc(): Libc {
  return opened ??= Deno.build.os === "linux"
    ? openLinuxLibc()
    : openOtherLibc();
}

function openLinuxLibc(): Libc {
  const all = { ...POSIX_SYMBOLS, ...LINUX_SYMBOLS };
  const symbols = openLazily("libc.so.6", all);
  // Blocking calls all run on this thread, so its errno never moves.
  const location = symbols.__errno_location();
  if (location !== null) {
    errnoView = new Int32Array(
      Deno.UnsafePointerView.getArrayBuffer(location, 4),
    );
  }
  return symbols;
}

function openOtherLibc(): Libc {
  const name = Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so";
  return openLazily(name, POSIX_SYMBOLS) as Libc;
}

/**
 * Opens each function when it is used first: Deno compiles a caller for it,
 * which takes a quarter of a millisecond, and most starts need a few only.
 */
function openLazily<Symbols extends Deno.ForeignLibraryInterface>(
  name: string,
  definitions: Symbols,
): Deno.DynamicLibrary<Symbols>["symbols"] {
  const symbols = {};
  for (const symbol of Object.keys(definitions)) {
    const get = () => {
      const before = errno();
      const library = Deno.dlopen(name, { [symbol]: definitions[symbol] });
      errnoView?.fill(before);
      const value = library.symbols[symbol];
      Object.defineProperty(symbols, symbol, { value, writable: true });
      return value;
    };
    Object.defineProperty(symbols, symbol, { get, configurable: true });
  }
  return symbols as Deno.DynamicLibrary<Symbols>["symbols"];
}

// errno values of asm-generic/errno-base.h and errno.h.
/** Operation not permitted. */
export const EPERM = 1;
/** No such file or directory. */
export const ENOENT = 2;
/** No such device or address: a pipe without a reader. */
export const ENXIO = 6;
/** Try again: it would have to wait. */
export const EAGAIN = 11;
/** Permission denied. */
export const EACCES = 13;
/** Something is there already. */
export const EEXIST = 17;
/** No buffer space available. */
export const ENOBUFS = 105;
/** Message too long. */
export const EMSGSIZE = 90;
/** Connection refused. */
export const ECONNREFUSED = 111;

/**
 * The C library's error number. The runtime runs between two calls and may
 * change it, so an unexpected value must not decide anything that matters.
 */
export function errno(): number {
  return errnoView?.[0] ?? 0;
}

/** Forgets the C library's error number. */
export function clearErrno(): void {
  errnoView?.fill(0);
}

/** The C library's words for an error number. */
export function describeErrno(number: number): string {
  const text = libc().strerror(number);
  return text === null
    ? `error ${number}`
    : Deno.UnsafePointerView.getCString(text);
}

/** A call to the C library that failed. */
export class SystemError extends Error {
  override name = "SystemError";
  /** The error number. */
  readonly errno: number;

  constructor(call: string, number: number) {
    super(`${call}: ${describeErrno(number)}`);
    this.errno = number;
  }
}

/**
 * Passes on the result of a call that returns a negative number on failure.
 *
 * @throws {SystemError} If it failed.
 */
export function checked<T extends number | bigint>(result: T, call: string): T {
  if (result < 0) throw new SystemError(call, errno());
  return result;
}

const encoder = new TextEncoder();

/** A string as C wants it: UTF-8, ended by a zero byte. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text + "\0");
}

/** An interface of this host's network namespace. */
export interface NetworkInterface {
  /** Its number. */
  index: number;
  /** Its name. */
  name: string;
}

/** The interfaces there are at the moment. */
export function networkInterfaces(): NetworkInterface[] {
  const list = libc().if_nameindex();
  if (list === null) throw new SystemError("if_nameindex", errno());
  const view = new Deno.UnsafePointerView(list);
  const found: NetworkInterface[] = [];
  // struct if_nameindex: unsigned int if_index, char *if_name; ends with 0.
  for (let at = 0; view.getUint32(at) !== 0; at += 16) {
    const name = view.getPointer(at + 8);
    if (name === null) break;
    found.push({
      index: view.getUint32(at),
      name: Deno.UnsafePointerView.getCString(name),
    });
  }
  libc().if_freenameindex(list);
  return found;
}

/** This host's name. */
export function hostName(): string {
  const name = new Uint8Array(256); // HOST_NAME_MAX is 64
  checked(libc().gethostname(name, BigInt(name.length - 1)), "gethostname");
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}

/** A variable of the environment; undefined if it is not set. */
export function environment(name: string): string | undefined {
  const value = libc().getenv(cString(name));
  return value === null ? undefined : Deno.UnsafePointerView.getCString(value);
}

/**
 * Reads a file of /proc/self.
 *
 * @throws {SystemError} If it cannot be read.
 */
export function readOwnProc(name: string): string {
  return readProc(`self/${name}`);
}

/**
 * Reads a file of /proc: the runtime asks for all permissions there.
 *
 * @throws {SystemError} If it cannot be read.
 */
export function readProc(name: string): string {
  const path = `/proc/${name}`;
  const fd = checked(
    libc().openat(AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0),
    `open ${path}`,
  );
  const chunk = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const size = BigInt(chunk.length);
    const length = Number(
      checked(libc().read(fd, chunk, size), `read ${path}`),
    );
    if (length === 0) break;
    text += decoder.decode(chunk.subarray(0, length), { stream: true });
  }
  libc().close(fd);
  return text;
}

/** What a descriptor of this process refers to; undefined if it is closed. */
export function describeDescriptor(fd: number): string | undefined {
  return readLink(`/proc/self/fd/${fd}`);
}

/**
 * What a symbolic link points to; undefined if it is none. The runtime would
 * ask for all permissions in /dev and /proc.
 */
export function readLink(path: string): string | undefined {
  const target = new Uint8Array(4096); // PATH_MAX
  const length = Number(
    libc().readlink(cString(path), target, BigInt(target.length)),
  );
  return length < 0
    ? undefined
    : new TextDecoder().decode(target.subarray(0, length));
}
