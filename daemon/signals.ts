/**
 * Signals, from the first moment on: main.ts imports this before anything else.
 * Without it a signal that comes while the program starts would end it half way,
 * or open the runtime's debugger on a port.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";

/** A signal that the program listens to. */
export type HandledSignal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGUSR2";

// bits/signum-arch.h
const [SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTERM] = [1, 2, 10, 12, 15];
const SIGXFSZ = 25;
// bits/sigaction.h
const SIG_UNBLOCK = 1;
/** sizeof(sigset_t) */
const SIGSET = 128;
// bits/signum-generic.h
const SIG_IGN = 1n;

/** Nothing is under way yet that would have to be ended properly. */
const end = () => Deno.exit(0);
const handlers = new Map<HandledSignal, () => void>([
  ["SIGTERM", end],
  ["SIGINT", end],
]);

/** Says what a signal does from now on. */
export function onSignal(signal: HandledSignal, handler: () => void): void {
  handlers.set(signal, handler);
}

function listen(): void {
  const signals: HandledSignal[] = ["SIGTERM", "SIGINT"];
  if (Deno.build.os !== "windows") signals.push("SIGHUP", "SIGUSR2");
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => handlers.get(signal)?.());
  }
}

/**
 * The runtime listens to SIGUSR1 half a second after its start, and opens a
 * debugger when it comes. It sets its handler only once: now, so that what
 * follows lasts.
 */
function ignoreDebuggerSignal(): void {
  if (Deno.build.os !== "linux") return;
  Deno.addSignalListener("SIGUSR1", () => {});
  libc().signal(SIGUSR1, SIG_IGN);
}

/** A file as long as it may be (ulimit -f) is one that cannot be written to. */
function ignoreFileSize(): void {
  if (Deno.build.os === "linux") libc().signal(SIGXFSZ, SIG_IGN);
}

/** Whoever starts the program may have blocked signals, for its children too. */
function unblock(): void {
  if (Deno.build.os !== "linux") return;
  const set = new Uint32Array(SIGSET / Uint32Array.BYTES_PER_ELEMENT);
  for (const signal of [SIGHUP, SIGINT, SIGUSR2, SIGTERM]) {
    set[0] |= 1 << (signal - 1);
  }
  libc().sigprocmask(SIG_UNBLOCK, set, null);
}

listen();
unblock();
ignoreDebuggerSignal();
ignoreFileSize();
