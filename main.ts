/**
 * scanlogd: options -> source -> detector -> lines -> sinks.
 *
 * @module
 */

import type { Capture } from "./capture/capture.ts";
import { FileCapture } from "./capture/file.ts";
import { type LiveCapture, openLive } from "./capture/live.ts";
import { offlineFilter } from "./capture/offline_filter.ts";
import { captureKind, parseCommandLine } from "./daemon/command_line.ts";
import { describeCounts, describeLosses } from "./daemon/counts.ts";
import {
  configureDiagnostics,
  logDetail,
  logError,
  logInfo,
  logWarning,
} from "./daemon/diagnostics.ts";
import { Failure } from "./daemon/failure.ts";
import { helpText } from "./daemon/help.ts";
import type { Options } from "./daemon/options.ts";
import { enterSandbox } from "./daemon/sandbox.ts";
import { openSinks } from "./daemon/sinks.ts";
import manifest from "./deno.json" with { type: "json" };
import { AddressSet } from "./detect/address.ts";
import { Detector } from "./detect/detector.ts";
import { formatReport } from "./format/line.ts";

/** Runs the program; returns its exit status. */
async function main(args: readonly string[]): Promise<number> {
  configureDiagnostics({ quiet: false, verbose: false });
  try {
    const options = parseCommandLine(args);
    configureDiagnostics(options);
    if (options.help) console.log(helpText());
    else if (options.version) console.log(`scanlogd ${manifest.version}`);
    else await watch(options);
    return 0;
  } catch (error) {
    logError(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** Opens everything, gives up privileges, and only then looks at packets. */
async function watch(options: Options): Promise<void> {
  const live = options.read === undefined
    ? openLiveCapture(options)
    : undefined;
  const capture = live ?? openFileCapture(options);
  const { sinks, standIns } = openSinks(options);
  const detector = new Detector(
    (report) => {
      const line = formatReport(report, {
        maxLine: options["max-line"],
        utc: options.utc,
      });
      for (const sink of sinks) sink.write(line);
    },
    detectorOptions(options, live),
  );
  // The time zone's file is out of reach later on.
  new Date(0).toString();
  await finishStart();
  const stop = () => capture.stop();
  const tell = () => {
    const text = describeCounts(capture, detector, sinks);
    logInfo(text);
    for (const sink of sinks) sink.note?.(text);
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGUSR2", tell);
  enterSandbox(options, {
    capture: capture.descriptors,
    directories: [],
    standIns,
  });
  announce(options, capture, detector);
  try {
    await capture.run((packet) => detector.packet(packet));
  } finally {
    for (const sink of sinks) await sink.flush();
    const text = describeCounts(capture, detector, sinks);
    if (options.read === undefined) logInfo(text);
    else logDetail(text);
    const losses = describeLosses(capture, detector, sinks);
    if (losses !== undefined) logWarning(losses);
  }
  const failed = sinks.find(({ failure }) => failure !== undefined);
  if (failed !== undefined) {
    throw new Failure(
      `${failed.description}: ${failed.failure?.message}; ${failed.lost} lines could not be written`,
    );
  }
}

/**
 * Lets the runtime do what it puts off until the program first waits: it looks
 * into its cache of packages, and downloads what it cannot find there any more.
 */
async function finishStart(): Promise<void> {
  await new Promise((done) => setTimeout(done, 10));
}

function openLiveCapture(options: Options): LiveCapture {
  return openLive({
    kind: captureKind(options),
    interfaces: options.interface,
    promiscuous: options.promiscuous,
    filter: options.filter,
  });
}

function openFileCapture({ read, filter }: Options): FileCapture {
  return new FileCapture(
    read ?? "-",
    filter === undefined ? undefined : offlineFilter(filter),
  );
}

function detectorOptions(options: Options, live: LiveCapture | undefined) {
  return {
    minPorts: options["min-ports"],
    privilegedWeight: options["privileged-weight"],
    highWeight: options["high-weight"],
    scanDelay: options["scan-delay"],
    sources: options.sources,
    logBurst: options["log-burst"],
    logDelay: options["log-delay"],
    ipv6Prefix: options["ipv6-prefix"],
    classic: options.classic,
    ignore: AddressSet.from(options.ignore),
    local: live?.local?.addresses,
    onLink: live?.local?.onLink,
  };
}

function announce(
  options: Options,
  capture: Capture,
  detector: Detector,
): void {
  if (options.read === undefined) logInfo(`watching: ${capture.description}`);
  logDetail(
    `tables take ${(detector.byteLength / 2 ** 20).toFixed(1)} MiB`,
  );
}

if (import.meta.main) Deno.exit(await main(Deno.args));
