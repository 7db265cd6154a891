/**
 * scanlogd: options -> source -> detector -> lines -> sinks.
 *
 * @module
 */

// Before anything else: signals come when they like.
import { onSignal } from "./daemon/signals.ts";
import type { Capture } from "./capture/capture.ts";
import { lowestEphemeralPort } from "./capture/ephemeral_port.ts";
import { Forwarding } from "./capture/forwarding.ts";
import { type LiveCapture, openLive } from "./capture/live.ts";
import type { FileReading } from "./capture/open_files.ts";
import {
  isBackgroundChild,
  ParentLink,
  startInBackground,
} from "./daemon/background.ts";
import { captureKind } from "./daemon/combinations.ts";
import { parseCommandLine } from "./daemon/command_line.ts";
import { describeCounts, describeForeign } from "./daemon/counts.ts";
import {
  configureDiagnostics,
  logDetail,
  logError,
  logInfo,
  logWarning,
} from "./daemon/diagnostics.ts";
import { Failure } from "./daemon/failure.ts";
import {
  describeLosses,
  LOSS_CHECK_MS,
  LossWatch,
  readLosses,
} from "./daemon/losses.ts";
import { allowOpenFiles } from "./daemon/limits.ts";
import { MetricsFile, readMetrics } from "./daemon/metrics.ts";
import { ControlSocket } from "./daemon/control.ts";
import { ServiceManager } from "./daemon/notify.ts";
import type { Options } from "./daemon/options.ts";
import { print } from "./daemon/print.ts";
import { PidFile } from "./daemon/pid_file.ts";
import { Progress } from "./daemon/progress.ts";
import { statusOf } from "./daemon/exit_status.ts";
import { RunningOptions } from "./daemon/running_options.ts";
import { checkApart } from "./daemon/same_files.ts";
import { checkTarget, enterSandbox } from "./daemon/sandbox.ts";
import type { Outputs } from "./daemon/outputs.ts";
import { checkOutputFiles, checkOutputs, openOutputs } from "./daemon/sinks.ts";
import { SpareMemory } from "./daemon/spare_memory.ts";
import manifest from "./deno.json" with { type: "json" };
import { keepMade, takeBack } from "./ffi/made.ts";
import { localOffset } from "./ffi/local_time.ts";
import { Detector } from "./detect/detector.ts";
import type { DetectorOptions } from "./detect/options.ts";

/** Runs the program; returns its exit status. */
async function main(args: readonly string[]): Promise<number> {
  configureDiagnostics({ quiet: false, verbose: false });
  try {
    const options = parseCommandLine(args);
    configureDiagnostics(options);
    if (options.help) await help();
    else if (options.version) print(`scanlogd ${manifest.version}`);
    else if (options.completions !== undefined) {
      await complete(options.completions);
    } else if (options.reload) {
      await (await import("./daemon/reload.ts")).reload(options);
    } else if (options.check) await check(options);
    else if (options.daemon && !isBackgroundChild()) await startInBackground();
    else {
      allowOpenFiles();
      return await watch(options, args);
    }
    return 0;
  } catch (error) {
    takeBack();
    const isSaid = error instanceof Failure && error.isSaid;
    if (!isSaid) logError(error instanceof Error ? error.message : `${error}`);
    return 1;
  }
}

// What few starts need is loaded by those: each module takes its time.

async function help(): Promise<void> {
  const { helpText } = await import("./daemon/help.ts");
  print(helpText());
}

async function complete(shell: string): Promise<void> {
  const { completions } = await import("./daemon/completions/completions.ts");
  print(completions(shell).trimEnd());
}

/** Opens what can be opened without a trace, and says that all is well. */
async function check(options: Options): Promise<void> {
  new Detector(
    () => {},
    detectorOptions(options, new RunningOptions(options, [])),
  );
  const isComplete = checkTarget(options);
  if (isComplete) {
    const { capture, files } = await openCapture(options);
    checkFiles(options, files?.paths);
    capture.close();
    checkOutputs(options);
  } else checkApart(options, []);
  print(
    isComplete
      ? "scanlogd: everything is valid"
      : "scanlogd: all options are valid; run it as root to check the rest",
  );
}

/** Checks the files that are written to, and makes none. */
function checkFiles(options: Options, read: readonly string[] = []): void {
  checkApart(options, read);
  checkOutputFiles(options);
  ControlSocket.check(options);
  if (options.metrics !== undefined) MetricsFile.check(options.metrics);
  if (options["pid-file"] !== undefined) PidFile.check(options["pid-file"]);
}

/**
 * Opens everything, gives up privileges, and only then looks at packets; returns
 * the exit status.
 */
async function watch(
  options: Options,
  args: readonly string[],
): Promise<number> {
  const parent = options.daemon ? new ParentLink() : undefined;
  const manager = new ServiceManager();
  const running = new RunningOptions(options, args);
  const { capture, live, files } = await openCapture(options);
  // Until here and in what follows nothing is made or changed.
  checkTarget(options, capture);
  checkFiles(options, files?.paths);
  await finishStart();
  const control = ControlSocket.open(
    options,
    (request) => running.answer(request),
  );
  const outputs = openOutputs(options, {
    live,
    utc: () => running.utc,
    onUnread: () => capture.stop(),
  });
  const metricsPath = options.metrics;
  const metrics = metricsPath === undefined
    ? undefined
    : new MetricsFile(metricsPath);
  const forwarding = live && !options.classic ? new Forwarding() : undefined;
  const detector = new Detector(
    (report) => outputs.write(report),
    {
      ...detectorOptions(options, running, live),
      forwards: forwarding && (() => forwarding.isOn),
      ...(outputs.takeProbes && {
        probes: (record) => outputs.writeProbe(record),
      }),
    },
  );
  const pidPath = options["pid-file"];
  const pidFile = pidPath === undefined ? undefined : new PidFile(pidPath);
  listenToSignals(capture, detector, outputs);
  metrics?.start(() => readMetrics(capture, detector, outputs.sinks));
  const spareMemory = live && Deno.build.os === "linux"
    ? new SpareMemory()
    : undefined;
  enterSandbox(options, {
    capture,
    rewritten: [
      ...(pidFile === undefined ? [] : [pidFile.fd]),
      ...(metrics?.rewritten ?? []),
    ],
    settle: () => outputs.settle(),
    standIns: outputs.standIns,
  });
  keepMade();
  announce(options, capture, live, detector);
  control?.listen();
  running.reconfigure = (limits) => detector.reconfigure(limits);
  running.onReload = () => outputs.reopen();
  manager.ready();
  parent?.cut();
  // A pipe may bring records for as long as an interface brings packets.
  if (files?.size === undefined) watchLosses(capture, detector, outputs);
  forwarding?.keepUp();
  spareMemory?.keepReleasing(() => detector.counters.packets);
  const progress = files &&
    new Progress(files, () => detector.counters.packets);
  try {
    await capture.run(
      (packet) => detector.packet(packet),
      options.classic ? undefined : (time) => detector.advance(time),
    );
  } finally {
    detector.finish();
    progress?.end();
    manager.stopping();
    await outputs.finish();
    metrics?.end();
    tellAtEnd(options, { capture, files }, detector, outputs);
    pidFile?.clear();
  }
  return options.read === undefined ? 0 : statusOf(outputs);
}

/**
 * Lets the runtime do what it puts off. Until the program first waits: it looks
 * into its cache of packages, and downloads what it cannot find there any more.
 * Until there is a timer: it loads a dozen modules, and writes them to its cache
 * of compiled code.
 */
async function finishStart(): Promise<void> {
  // The time zone's file is out of reach later on.
  if (Deno.build.os !== "windows") localOffset(0);
  await new Promise((done) => setTimeout(done));
}

/** What packets come from, and as what it was opened. */
interface Opened {
  capture: Capture;
  live?: LiveCapture;
  files?: FileReading;
}

async function openCapture(options: Options): Promise<Opened> {
  const { read, filter } = options;
  if (read !== undefined) {
    const { openReading } = await import("./capture/open_files.ts");
    const { classic, lateness } = options;
    const files = await openReading(read, { filter, classic, lateness });
    return { capture: files, files };
  }
  const live = await openLive({
    kind: captureKind(options),
    interfaces: options.interface,
    promiscuous: options.promiscuous,
    evidence: !options.classic,
    outgoing: options.outgoing,
    portMemory: !options.classic,
    filter,
    warn: logWarning,
  });
  return { capture: live, live };
}

function detectorOptions(
  options: Options,
  { ignore, home }: RunningOptions,
  live?: LiveCapture,
): DetectorOptions {
  return {
    minPorts: options["min-ports"],
    privilegedWeight: options["privileged-weight"],
    highWeight: options["high-weight"],
    scanDelay: options["scan-delay"],
    sources: options.sources,
    logBurst: options["log-burst"],
    logDelay: options["log-delay"],
    probeRate: options["probe-rate"],
    ipv6Prefix: options["ipv6-prefix"],
    slowWindow: options["slow-window"],
    ephemeralPort: live && lowestEphemeralPort(),
    outgoing: options.outgoing,
    classic: options.classic,
    fromFile: live === undefined,
    ends: true,
    ignore,
    home,
    promiscuous: options.promiscuous,
    local: live?.local?.addresses,
    onLink: live?.local?.onLink,
    portMemory: live?.portMemory,
  };
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
  onSignal("SIGTERM", stop);
  onSignal("SIGINT", stop);
  onSignal("SIGHUP", () => outputs.reopen());
  onSignal("SIGUSR2", tell);
}

/** Says losses while they happen: a flood may last for days. */
function watchLosses(
  capture: Capture,
  detector: Detector,
  outputs: Outputs,
): void {
  const watch = new LossWatch(
    () => readLosses(capture, detector, outputs.sinks),
    (text) => {
      logWarning(text);
      outputs.note(text);
    },
  );
  const check = () => watch.check(performance.now());
  Deno.unrefTimer(setInterval(check, LOSS_CHECK_MS));
}

function announce(
  options: Options,
  capture: Capture,
  live: LiveCapture | undefined,
  detector: Detector,
): void {
  if (options.read === undefined) logInfo(`watching: ${capture.description}`);
  if (live?.portMemory !== undefined) {
    logDetail("the kernel remembers which ports are in use (eBPF)");
  }
  logDetail(`tables take ${(detector.byteLength / 2 ** 20).toFixed(1)} MiB`);
}

function tellAtEnd(
  options: Options,
  { capture, files }: Opened,
  detector: Detector,
  { sinks }: Outputs,
): void {
  const text = describeCounts(capture, detector, sinks);
  if (options.read === undefined) logInfo(text);
  else logDetail(text);
  const isUnread = sinks.some(({ failure }) =>
    failure instanceof Deno.errors.BrokenPipe
  );
  // Of a file's reader, what is lost becomes the status, and is said with it.
  const lossy = options.read === undefined ? sinks : [];
  const losses = describeLosses(readLosses(capture, detector, lossy));
  if (isUnread) return;
  if (losses !== undefined) logWarning(losses);
  const foreign = files && describeForeign(files.skipped, detector);
  if (foreign !== undefined) logWarning(`${capture.description}: ${foreign}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
