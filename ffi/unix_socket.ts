/**
 * Unix sockets (unix(7)).
 *
 * @module
 */

import { closeDescriptor, keepDescriptor } from "./descriptors.ts";
import { checked, libc } from "./libc.ts";
import {
  AF_UNIX,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "./linux.ts";

/** Longest name of a socket in bytes: sun_path (sys/un.h) less its end. */
export const MAX_SOCKET_NAME = 107;
const FAMILY_BYTES = 2;

/**
 * Makes a datagram socket that never blocks, and connects it.
 *
 * @param name A path, or a name in the abstract namespace if it begins with a
 * zero byte; at most {@linkcode MAX_SOCKET_NAME} bytes long.
 * @returns Its descriptor.
 * @throws {SystemError} If nobody listens there.
 */
export function connectDatagram(name: string): number {
  return connect(name, SOCK_DGRAM);
}

/** The same with a stream socket. */
export function connectStream(name: string): number {
  return connect(name, SOCK_STREAM);
}

function connect(name: string, kind: number): number {
  const bytes = new TextEncoder().encode(name);
  const address = new Uint8Array(FAMILY_BYTES + bytes.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, FAMILY_BYTES);
  const type = kind | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = keepDescriptor(
    checked(libc().socket(AF_UNIX, type, 0), "socket(AF_UNIX)"),
  );
  try {
    checked(libc().connect(fd, address, address.length), "connect");
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
  return fd;
}

/** Sends without waiting; returns whether the kernel took it. */
export function sendDatagram(
  fd: number,
  message: Uint8Array<ArrayBuffer>,
): boolean {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return libc().send(fd, message, BigInt(message.length), flags) >= 0n;
}

/**
 * Sends what a stream takes without waiting; returns how many bytes those are, or
 * a negative number.
 */
export function sendSome(
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
): number {
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  return Number(libc().send(fd, bytes, BigInt(bytes.length), flags));
}
