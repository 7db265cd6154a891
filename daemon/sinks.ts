/**
 * Which sinks the options ask for.
 *
 * @module
 */

import type { LiveCapture } from "../capture/live.ts";
import type { Report } from "../detect/report/report.ts";
import { type EventOptions, toEvent } from "../format/event.ts";
import { formatEcs } from "../format/ecs.ts";
import { formatJson } from "../format/json.ts";
import { formatReport } from "../format/line.ts";
import { formatProbe } from "../format/probe.ts";
import { FileSink } from "../format/sink/file_sink.ts";
import { SocketSink, syslogFraming } from "../format/sink/socket_sink.ts";
import { StdoutSink } from "../format/sink/stdout_sink.ts";
import { WholeFile } from "../format/sink/whole_file.ts";
import { Summary } from "../format/summary.ts";
import type { Facility, Level } from "../format/syslog.ts";
import { isReadOnly } from "../ffi/descriptor_flags.ts";
import { hostName } from "../ffi/libc.ts";
import { localOffset } from "../ffi/local_time.ts";
import { logWarning } from "./diagnostics.ts";
import { Failure } from "./failure.ts";
import type { Options } from "./options.ts";
import { type Output, Outputs } from "./outputs.ts";
import { PageCollector } from "./page.ts";

const STDOUT = 1;

/** Where there is no such C library, the runtime knows. */
const LOCAL_OFFSET = Deno.build.os === "windows" ? undefined : localOffset;

/** Gives the lines of a report, if it is to be written. */
type Format = (report: Report) => readonly string[];

/** A flood must not fill the disk of whoever rotates files once a day. */
const PROBE_FILE_BYTES = 256 << 20;

/** What stands behind `--output`: a word, and perhaps a path. */
interface Wanted {
  text: string;
  kind: string;
  path?: string;
}

/** What all sinks are made of. */
interface Workshop {
  options: Options;
  formats: Readonly<Record<"lines" | "json" | "ecs", Format>>;
  events: EventOptions;
  stdout: StdoutSink;
  /** Whether there are sinks besides the one that is being opened. */
  hasOthers: boolean;
  standIns: string[];
}

/** What `--output` accepts, and how that is opened. */
const SINKS: Readonly<
  Record<string, (shop: Workshop, path: string) => Output | undefined>
> = {
  "syslog": openSyslog,
  "stdout": ({ formats, stdout }) => ({ sink: stdout, format: formats.lines }),
  "json": ({ formats, stdout }) => ({ sink: stdout, format: formats.json }),
  "ecs": ({ formats, stdout }) => ({ sink: stdout, format: formats.ecs }),
  "probes": (shop) => ({ ...probes(shop), sink: shop.stdout }),
  "summary": openSummary,
  "file:": ({ formats }, path) => openFile(path, "file:", formats.lines),
  "json:": ({ formats }, path) => openFile(path, "json:", formats.json),
  "ecs:": ({ formats }, path) => openFile(path, "ecs:", formats.ecs),
  "probes:": (shop, path) => ({
    ...probes(shop),
    sink: new FileSink(path, optionOf("probes:"), logWarning, PROBE_FILE_BYTES),
  }),
  "html:": openPage,
  "unix:": openUnix,
};

/** What opening needs to know of the capture. */
export interface OutputsInit {
  /** Names the interfaces. */
  live?: Pick<LiveCapture, "interfaceName">;
  /** Whether times are written in UTC, at each moment [as the options say]. */
  utc?: () => boolean;
  /** Called once nobody reads standard output any more and nothing else is written. */
  onUnread?: () => void;
}

/**
 * Opens the sinks.
 *
 * @throws {Error} If one cannot be opened, and the options do not allow to go
 * on without.
 */
export function openOutputs(
  options: Options,
  { live, onUnread, utc = () => options.utc }: OutputsInit = {},
): Outputs {
  const wanted = wantedOutputs(options);
  const isOnly = wanted.every(({ text }) => text === wanted[0].text);
  const events = eventOptions(options, wanted, { live, utc });
  const stdout = new StdoutSink(
    options.read !== undefined,
    logWarning,
    isOnly ? onUnread : undefined,
  );
  const shop: Workshop = {
    options,
    formats: formatsOf(options, events),
    events,
    stdout,
    hasOthers: wanted.length > 1,
    standIns: [],
  };
  const outputs = wanted.flatMap((one) => {
    refuseElsewhere(one);
    return SINKS[one.kind](shop, one.path ?? "") ?? [];
  });
  return new Outputs(outputs, shop.standIns);
}

function formatsOf(
  options: Options,
  events: EventOptions,
): Workshop["formats"] {
  return {
    lines: (report) =>
      report.type === "end" && !options.summary
        ? []
        : formatReport(report, events).split("\n"),
    json: (report) => [formatJson(report, events)],
    ecs: (report) => [formatEcs(report, events)],
  };
}

function eventOptions(
  options: Options,
  wanted: readonly Wanted[],
  { live, utc }: Required<Pick<OutputsInit, "utc">> & OutputsInit,
): EventOptions {
  // What a file shows happened elsewhere.
  const hasHost = options.read === undefined &&
    wanted.some(({ kind }) => /^(json|ecs|probes|unix|html)/.test(kind));
  return {
    maxLine: options["max-line"],
    localOffset: LOCAL_OFFSET,
    get utc() {
      return utc();
    },
    interfaceName: (index) => live?.interfaceName?.(index),
    ...(hasHost && { host: hostName() }),
  };
}

/**
 * Checks the sinks without leaving a trace.
 *
 * @throws {Error} If one could not be opened.
 */
export function checkOutputs(options: Options): void {
  const wanted = wantedOutputs(options);
  for (const { kind, path } of wanted) {
    if (kind === "syslog") trySyslog(options, wanted.length > 1, [])?.close();
    else if (kind === "unix:") openUnixSink(path ?? "", false).close();
  }
}

/**
 * Checks the files that sinks write to, and makes none.
 *
 * @throws {Error} If one could not be opened.
 */
export function checkOutputFiles(options: Options): void {
  if (Deno.build.os !== "linux") return; // opening them says so
  for (const { kind, path } of wantedOutputs(options)) {
    if (kind === "unix:") continue;
    if (kind !== "syslog" && path === undefined) checkStandardOutput(kind);
    if (kind === "html:") WholeFile.check(path ?? "", optionOf(kind), "page");
    else if (path !== undefined) FileSink.check(path, optionOf(kind));
  }
}

function checkStandardOutput(kind: string): void {
  if (!isReadOnly(STDOUT)) return;
  throw new Failure(
    `--output ${kind}: standard output is open for reading only; redirect it with > or |`,
  );
}

function wantedOutputs(options: Options): readonly Wanted[] {
  const isWatched = options.trial || Deno.stdout.isTerminal();
  const defaults = options.read !== undefined
    ? ["stdout"]
    : ["syslog", ...(isWatched ? ["stdout"] : [])];
  const texts = options.given.has("output") ? options.output : defaults;
  return [...new Set(texts)].map(splitOutput);
}

/** `json:PATH` and the like have a path; the colon tells them from `json`. */
function splitOutput(text: string): Wanted {
  const colon = text.indexOf(":");
  if (colon < 0) return { text, kind: text };
  return { text, kind: text.slice(0, colon + 1), path: text.slice(colon + 1) };
}

function refuseElsewhere({ text, kind, path }: Wanted): void {
  if (Deno.build.os === "linux") return;
  if (path === undefined && kind !== "syslog") return;
  throw new Failure(
    `--output ${text} is not there for ${Deno.build.os} yet; choose stdout, json, ecs, probes or summary`,
  );
}

/** As messages name it. */
function optionOf(kind: string): string {
  return `--output ${kind}`;
}

function openFile(path: string, kind: string, format: Format): Output {
  return { sink: new FileSink(path, optionOf(kind), logWarning), format };
}

function probes({ events: { host } }: Workshop): Omit<Output, "sink"> {
  return {
    format: () => [],
    formatProbe: (record) => formatProbe(record, host),
  };
}

function openSummary({ options, stdout }: Workshop): Output {
  const summary = new Summary();
  const colour = Deno.stdout.isTerminal() && !Deno.noColor;
  return {
    sink: stdout,
    format(report) {
      summary.add(report);
      return [];
    },
    rest: () =>
      summary.lines({ colour, utc: options.utc, localOffset: LOCAL_OFFSET }),
  };
}

function openPage({ options, events }: Workshop, path: string): Output {
  const page = new PageCollector([options.read ?? ""].flat());
  return {
    sink: new WholeFile(path, optionOf("html:"), "page"),
    format(report) {
      page.add(toEvent(report, events));
      return [];
    },
    rest: () => [page.text()],
  };
}

function openUnix({ formats }: Workshop, path: string): Output {
  const sink = openUnixSink(path, false);
  if (!sink.isConnected) {
    logWarning(
      `nobody listens on ${path} yet: events wait until somebody does`,
    );
  }
  return { sink, format: formats.json };
}

function openUnixSink(path: string, mustConnect: boolean): SocketSink {
  return new SocketSink({
    what: "unix",
    path,
    option: "--output unix:",
    advice: "start the program that is to listen there",
    mustConnect,
    framing: { line: (text) => text },
  });
}

function openSyslogSink(options: Options, mustConnect: boolean): SocketSink {
  return new SocketSink({
    what: "syslog",
    path: options["syslog-socket"],
    option: "--syslog-socket",
    advice:
      "start syslogd, name its socket with --syslog-socket, or choose another --output",
    mustConnect,
    framing: syslogFraming({
      facility: options.facility as Facility,
      level: options.level as Level,
      ident: options.ident,
      localOffset: LOCAL_OFFSET,
    }),
  });
}

function openSyslog(
  { options, formats, hasOthers, standIns }: Workshop,
): Output | undefined {
  const sink = trySyslog(options, hasOthers, standIns);
  return sink === undefined ? undefined : { sink, format: formats.lines };
}

/** Undefined if a trial goes on without. */
function trySyslog(
  options: Options,
  hasOthers: boolean,
  standIns: string[],
): SocketSink | undefined {
  try {
    return openSyslogSink(options, true);
  } catch (error) {
    if (!hasOthers) throw error;
    if (options.trial) {
      standIns.push(`no syslog at ${options["syslog-socket"]}`);
      return undefined;
    }
    logWarning(`${(error as Error).message}; lines wait until it is there`);
    return openSyslogSink(options, false);
  }
}
