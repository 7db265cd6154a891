/**
 * Which sinks the options ask for.
 *
 * @module
 */

import type { LiveCapture } from "../capture/live.ts";
import type { Report } from "../detect/report.ts";
import { FileSink } from "../format/file_sink.ts";
import { formatJson } from "../format/json.ts";
import { formatReport } from "../format/line.ts";
import type { Sink } from "../format/sink.ts";
import { StdoutSink } from "../format/stdout_sink.ts";
import type { Facility, Level } from "../format/syslog.ts";
import { SyslogSink } from "../format/syslog_sink.ts";
import { hostName } from "../ffi/libc.ts";
import { logWarning } from "./diagnostics.ts";
import { Failure } from "./failure.ts";
import type { Options } from "./options.ts";

/** Gives the lines that tell a report, if it is to be told. */
type Format = (report: Report) => readonly string[];

/** A sink, and how a report is written there. */
interface Output {
  sink: Sink;
  format: Format;
}

/** All sinks. */
export class Outputs {
  /** The sinks, each once. */
  readonly sinks: readonly Sink[];
  /** What stands in for a sink that is missing, in words. */
  readonly standIns: readonly string[];
  readonly #outputs: readonly Output[];

  constructor(outputs: readonly Output[], standIns: readonly string[]) {
    this.#outputs = outputs;
    this.sinks = [...new Set(outputs.map(({ sink }) => sink))];
    this.standIns = standIns;
  }

  /** Writes a report to each sink. */
  write(report: Report): void {
    for (const { sink, format } of this.#outputs) {
      for (const line of format(report)) sink.write(line);
    }
  }

  /** Writes what the program says of itself to each sink that has a place. */
  note(text: string): void {
    for (const sink of this.sinks) sink.note?.(text);
  }

  /** Called once behind chroot; returns the directories that stay in use. */
  settle(): readonly number[] {
    for (const sink of this.sinks) sink.settle?.();
    return this.sinks.flatMap(({ directories }) => directories ?? []);
  }

  /** Opens anew what may have been replaced. */
  reopen(): void {
    for (const sink of this.sinks) sink.reopen?.();
  }

  /** Resolves once all that can be written is written. */
  async flush(): Promise<void> {
    await Promise.all(this.sinks.map((sink) => sink.flush()));
  }
}

/**
 * Opens the sinks.
 *
 * @throws {Error} If one cannot be opened, and the options do not allow to go
 * on without.
 */
export function openOutputs(
  options: Options,
  live?: Pick<LiveCapture, "interfaceName">,
): Outputs {
  const wanted = [...new Set(wantedOutputs(options))];
  const lineOptions = { maxLine: options["max-line"], utc: options.utc };
  const lines: Format = (report) =>
    report.type === "end" && !options.summary
      ? []
      : formatReport(report, lineOptions).split("\n");
  const host = wanted.some(isJson) ? hostName() : "";
  const json: Format = (report) => [
    formatJson(report, {
      ...lineOptions,
      interfaceName: (index) => live?.interfaceName?.(index),
      host,
    }),
  ];
  const standIns: string[] = [];
  const stdout = new StdoutSink(options.read !== undefined, logWarning);
  const outputs = wanted.flatMap((output): Output[] => {
    const format = isJson(output) ? json : lines;
    const [kind, path] = splitOutput(output);
    if (
      Deno.build.os !== "linux" && (path !== undefined || kind === "syslog")
    ) {
      throw new Failure(
        `--output ${output} is not there for ${Deno.build.os} yet; choose stdout or json`,
      );
    }
    if (path !== undefined) {
      return [{ sink: new FileSink(path, logWarning), format }];
    }
    if (kind !== "syslog") return [{ sink: stdout, format }];
    const sink = openSyslog(options, wanted.length > 1, standIns);
    return sink === undefined ? [] : [{ sink, format }];
  });
  return new Outputs(outputs, standIns);
}

/**
 * Checks the sinks without leaving a trace.
 *
 * @throws {Error} If one could not be opened.
 */
export function checkOutputs(options: Options): void {
  const wanted = wantedOutputs(options);
  for (const output of wanted) {
    const [kind, path] = splitOutput(output);
    if (path !== undefined) FileSink.check(path);
    else if (kind === "syslog") {
      openSyslog(options, wanted.length > 1, [])?.close();
    }
  }
}

function wantedOutputs(options: Options): readonly string[] {
  if (options.given.has("output")) return options.output;
  if (options.read !== undefined) return ["stdout"];
  const isWatched = options.trial || Deno.stdout.isTerminal();
  return isWatched ? ["syslog", "stdout"] : ["syslog"];
}

function isJson(output: string): boolean {
  return splitOutput(output)[0] === "json";
}

/** `json:PATH` and `file:PATH` have a path. */
function splitOutput(output: string): [string, string?] {
  const colon = output.indexOf(":");
  if (colon < 0) return [output];
  return [output.slice(0, colon), output.slice(colon + 1)];
}

/** Undefined if a trial goes on without. */
function openSyslog(
  options: Options,
  hasOthers: boolean,
  standIns: string[],
): SyslogSink | undefined {
  const open = (mustConnect: boolean) =>
    new SyslogSink({
      path: options["syslog-socket"],
      facility: options.facility as Facility,
      level: options.level as Level,
      ident: options.ident,
      mustConnect,
    });
  try {
    return open(true);
  } catch (error) {
    if (!hasOthers) throw error;
    if (options.trial) {
      standIns.push(`no syslog at ${options["syslog-socket"]}`);
      return undefined;
    }
    logWarning(`${(error as Error).message}; lines wait until it is there`);
    return open(false);
  }
}
