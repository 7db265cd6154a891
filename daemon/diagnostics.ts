/**
 * What the program says about itself, on standard error.
 *
 * @module
 */

import {
  configureSync,
  getLogger,
  type Logger,
  type LogLevel,
  type LogRecord,
} from "@logtape/logtape";

const logger: Logger = getLogger("scanlogd");

/** Says why the program cannot start or go on. */
export function logError(text: string): void {
  logger.error("{text}", { text });
}

/** Says what an administrator should look at. */
export function logWarning(text: string): void {
  logger.warn("{text}", { text });
}

/** Says what the program does. */
export function logInfo(text: string): void {
  logger.info("{text}", { text });
}

/** Says details. */
export function logDetail(text: string): void {
  logger.debug("{text}", { text });
}

/** How much to say. */
export interface Loudness {
  /** Only errors. */
  quiet: boolean;
  /** Details too. */
  verbose: boolean;
}

/** Sends diagnostics to standard error, each as one line `scanlogd: ...`. */
export function configureDiagnostics({ quiet, verbose }: Loudness): void {
  const lowestLevel: LogLevel = quiet ? "error" : verbose ? "debug" : "info";
  configureSync({
    sinks: { stderr: writeToStderr },
    loggers: [
      { category: "scanlogd", lowestLevel, sinks: ["stderr"] },
      // The library's own notes are not for our users.
      { category: ["logtape", "meta"], lowestLevel: "fatal", sinks: [] },
    ],
    reset: true,
  });
}

const encoder = new TextEncoder();

function writeToStderr(record: LogRecord): void {
  const text = record.message.map(String).join("").replaceAll(/\s*\n\s*/g, " ");
  try {
    Deno.stderr.writeSync(encoder.encode(`scanlogd: ${text}\n`));
  } catch {
    // Nobody reads it, and there is no other place to say so.
  }
}
