/**
 * scanlogd: options -> source -> detector -> lines -> sinks.
 *
 * @module
 */

import type { Capture } from "./capture/capture.ts";
import { lowestEphemeralPort } from "./capture/ephemeral_port.ts";
import { FileCapture } from "./capture/file.ts";
import { type LiveCapture, openLive } from "./capture/live.ts";
import { offlineFilter } from "./capture/offline_filter.ts";
import {
  isBackgroundChild,
  ParentLink,
  startInBackground,
} from "./daemon/background.ts";
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
import { ServiceManager } from "./daemon/notify.ts";
import type { Options } from "./daemon/options.ts";
import { PidFile } from "./daemon/pid_file.ts";
import { Progress } from "./daemon/progress.ts";
import { checkTarget, enterSandbox } from "./daemon/sandbox.ts";
import { checkOutputs, openOutputs, type Outputs } from "./daemon/sinks.ts";
import manifest from "./deno.json" with { type: "json" };
import { AddressSet } from "./detect/address.ts";
import { libc } from "./ffi/libc.ts";
import { completions } from "./packaging/completions.ts";
import { Detector } from "./detect/detector.ts";
import type { DetectorOptions } from "./detect/options.ts";

/** Runs the program; returns its exit status. */
async function main(args: readonly string[]): Promise<number> {
  configureDiagnostics({ quiet: false, verbose: false });
  try {
    const options = parseCommandLine(args);
    configureDiagnostics(options);
    if (options.help) console.log(helpText());
    else if (options.version) console.log(`scanlogd ${manifest.version}`);
    else if (options.completions !== undefined) {
      console.log(completions(options.completions).trimEnd());
    } else if (options.check) check(options);
    else if (options.daemon && !isBackgroundChild()) await startInBackground();
    else await watch(options);
    return 0;
  } catch (error) {
    const isSaid = error instanceof Failure && error.isSaid;
    if (!isSaid) logError(error instanceof Error ? error.message : `${error}`);
    return 1;
  }
}

/** Opens what can be opened without a trace, and tells that all is well. */
function check(options: Options): void {
  new Detector(() => {}, detectorOptions(options, undefined));
  const isComplete = checkTarget(options);
  if (isComplete) {
    openCapture(options).capture.close();
    checkOutputs(options);
  }
  console.log(
    isComplete
      ? "scanlogd: everything is valid"
      : "scanlogd: all options are valid; run it as root to check the rest",
  );
}

/** Opens everything, gives up privileges, and only then looks at packets. */
async function watch(options: Options): Promise<void> {
  const parent = options.daemon ? new ParentLink() : undefined;
  const pidPath = options["pid-file"];
  const pidFile = pidPath === undefined ? undefined : new PidFile(pidPath);
  const manager = new ServiceManager();
  const { capture, live } = openCapture(options);
  const outputs = openOutputs(options, live);
  const detector = new Detector(
    (report) => outputs.write(report),
    detectorOptions(options, live),
  );
  await finishStart();
  listenToSignals(capture, detector, outputs);
  enterSandbox(options, {
    capture: capture.descriptors,
    settle: () => outputs.settle(),
    standIns: outputs.standIns,
  });
  announce(options, capture, detector);
  manager.ready();
  parent?.cut();
  const progress = capture instanceof FileCapture
    ? new Progress(capture, () => detector.counters.packets)
    : undefined;
  try {
    await capture.run(
      (packet) => detector.packet(packet),
      options.classic ? undefined : (time) => detector.advance(time),
    );
  } finally {
    detector.finish();
    progress?.end();
    manager.stopping();
    await outputs.flush();
    tellAtEnd(options, capture, detector, outputs);
    pidFile?.clear();
  }
  if (options.read !== undefined) refuseFailedSinks(outputs);
}

/**
 * Lets the runtime do what it puts off until the program first waits: it looks
 * into its cache of packages, and downloads what it cannot find there any more.
 */
async function finishStart(): Promise<void> {
  // The time zone's file is out of reach later on.
  new Date(0).toString();
  await new Promise((done) => setTimeout(done, 10));
  // What starting has taken, some 8 MB, is of no use any more.
  if (Deno.build.os === "linux") libc().malloc_trim(0n);
}

function openCapture(
  options: Options,
): { capture: Capture; live?: LiveCapture } {
  const { read, filter } = options;
  if (read !== undefined) {
    const packetFilter = filter === undefined
      ? undefined
      : offlineFilter(filter);
    return { capture: new FileCapture(read, packetFilter) };
  }
  const live = openLive({
    kind: captureKind(options),
    interfaces: options.interface,
    promiscuous: options.promiscuous,
    evidence: !options.classic,
    filter,
    warn: logWarning,
  });
  return { capture: live, live };
}

function detectorOptions(
  options: Options,
  live: LiveCapture | undefined,
): DetectorOptions {
  return {
    minPorts: options["min-ports"],
    privilegedWeight: options["privileged-weight"],
    highWeight: options["high-weight"],
    scanDelay: options["scan-delay"],
    sources: options.sources,
    logBurst: options["log-burst"],
    logDelay: options["log-delay"],
    ipv6Prefix: options["ipv6-prefix"],
    slowWindow: options["slow-window"],
    ephemeralPort: live && lowestEphemeralPort(),
    classic: options.classic,
    ends: true,
    ignore: addressSet(options.ignore),
    home: addressSet(options.home),
    promiscuous: options.promiscuous,
    local: live?.local?.addresses,
    onLink: live?.local?.onLink,
  };
}

function addressSet(networks: readonly string[]): AddressSet | undefined {
  return networks.length === 0 ? undefined : AddressSet.from(networks);
}

function listenToSignals(
  capture: Capture,
  detector: Detector,
  outputs: Outputs,
): void {
  const stop = () => capture.stop();
  const tell = () => {
    const text = describeCounts(capture, detector, outputs.sinks);
    logInfo(text);
    outputs.note(text);
  };
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGHUP", () => outputs.reopen());
  Deno.addSignalListener("SIGUSR2", tell);
}

function announce(
  options: Options,
  capture: Capture,
  detector: Detector,
): void {
  if (options.read === undefined) logInfo(`watching: ${capture.description}`);
  logDetail(`tables take ${(detector.byteLength / 2 ** 20).toFixed(1)} MiB`);
}

function tellAtEnd(
  options: Options,
  capture: Capture,
  detector: Detector,
  { sinks }: Outputs,
): void {
  const text = describeCounts(capture, detector, sinks);
  if (options.read === undefined) logInfo(text);
  else logDetail(text);
  const losses = describeLosses(capture, detector, sinks);
  if (losses !== undefined) logWarning(losses);
}

/** Whoever reads a file's scans from a pipe must know that some are missing. */
function refuseFailedSinks({ sinks }: Outputs): void {
  for (const { description, failure, lost } of sinks) {
    if (failure === undefined) continue;
    throw new Failure(
      `${description}: ${failure.message}; ${lost} lines could not be written`,
    );
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
