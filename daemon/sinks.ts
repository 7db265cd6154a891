/**
 * Which sinks the options ask for.
 *
 * @module
 */

import { StdoutSink } from "../format/stdout_sink.ts";
import type { Sink } from "../format/sink.ts";
import type { Facility, Level } from "../format/syslog.ts";
import { SyslogSink } from "../format/syslog_sink.ts";
import type { Options } from "./options.ts";

/** Opened sinks, and in words what stands in for one that is missing. */
export interface OpenedSinks {
  sinks: Sink[];
  standIns: string[];
}

/**
 * Opens the sinks.
 *
 * @throws {Error} If one cannot be opened, and the options do not allow to go
 * on without.
 */
export function openSinks(options: Options): OpenedSinks {
  const sinks: Sink[] = [];
  const standIns: string[] = [];
  for (const kind of new Set(wantedSinks(options))) {
    if (kind === "stdout") {
      sinks.push(new StdoutSink(options.read !== undefined));
      continue;
    }
    try {
      sinks.push(openSyslog(options));
    } catch (error) {
      if (!options.trial || options.given.has("output")) throw error;
      standIns.push(`no syslog at ${options["syslog-socket"]}`);
    }
  }
  return { sinks, standIns };
}

function wantedSinks(options: Options): readonly string[] {
  if (options.given.has("output")) return options.output;
  if (options.read !== undefined) return ["stdout"];
  const isWatched = options.trial || Deno.stdout.isTerminal();
  return isWatched ? ["syslog", "stdout"] : ["syslog"];
}

function openSyslog(options: Options): SyslogSink {
  return new SyslogSink(options["syslog-socket"], {
    facility: options.facility as Facility,
    level: options.level as Level,
    ident: options.ident,
  });
}
