/**
 * The options of the running program, and what of them changes while it runs.
 *
 * @module
 */

import type { FloodLimits } from "../detect/settings.ts";
import { AddressSet } from "../detect/packet/address.ts";
import { IgnoreRules } from "../detect/probe/ignore_rules.ts";
import type { Answer, Request } from "./control.ts";
import { configureDiagnostics, logInfo } from "./diagnostics.ts";
import { readIgnored } from "./ignored.ts";
import type { OptionName, Options } from "./options.ts";

/** What may change while the program runs. */
const RELOADABLE: ReadonlySet<OptionName> = new Set([
  "ignore",
  "ignore-ports",
  "ignore-file",
  "home",
  "log-burst",
  "log-delay",
  "utc",
  "verbose",
]);

/** Takes over what `--reload` hands on. */
export class RunningOptions {
  /** What is ignored; changes in place. */
  readonly ignore: IgnoreRules;
  /** Our own hosts; undefined if none were named; changes in place. */
  readonly home: AddressSet | undefined;
  /** Takes over the flood limit, or throws and changes nothing. */
  reconfigure: (limits: FloodLimits) => void = () => {};
  /** Told once something was taken over. */
  onReload: () => void = () => {};
  readonly #options: Options;
  readonly #started: Answer;
  #utc: boolean;

  /**
   * @param args The arguments that the program was started with.
   * @throws {Failure} If a list of what is to be ignored cannot be read.
   */
  constructor(options: Options, args: readonly string[]) {
    this.#options = options;
    this.#started = { arguments: args, directory: Deno.cwd() };
    this.#utc = options.utc;
    this.ignore = IgnoreRules.from(
      readIgnored(options),
      options["ignore-ports"],
    );
    this.home = options.home.length === 0
      ? undefined
      : AddressSet.from(options.home);
  }

  /** Whether times are written in UTC. */
  get utc(): boolean {
    return this.#utc;
  }

  /** Does what was asked for, as a whole or not at all. */
  answer(request: Request): Answer {
    return request.type === "arguments"
      ? this.#started
      : this.#reload(request.values as unknown as Options, request.ignored);
  }

  #reload(values: Options, ignored: readonly string[]): Answer {
    const fixed = this.#fixedChanges(values);
    if (fixed.length > 0) {
      const names = fixed.map((name) => `--${name}`).join(", ");
      return {
        error: `${names} cannot change while scanlogd runs; restart it`,
      };
    }
    const ignore = IgnoreRules.from(ignored, values["ignore-ports"]);
    const home = AddressSet.from(values.home);
    this.reconfigure({
      logBurst: values["log-burst"],
      logDelay: values["log-delay"],
    });
    this.ignore.assign(ignore);
    this.home?.assign(home);
    this.#utc = values.utc;
    const { quiet } = this.#options;
    configureDiagnostics({ quiet, verbose: values.verbose });
    const entries = ignored.length === 1 ? "entry" : "entries";
    logInfo(
      `configuration read again; ${ignored.length} ${entries} in the ignore lists`,
    );
    this.onReload();
    return {};
  }

  /** What has changed that cannot be changed while the program runs. */
  #fixedChanges(values: Options): OptionName[] {
    const names = Object.keys(values) as OptionName[];
    return names.filter((name) => {
      const before = JSON.stringify(this.#options[name]);
      if (before === JSON.stringify(values[name])) return false;
      // Whether there are any is known to the detector from the start.
      const hadHome = this.home !== undefined;
      if (name === "home") return hadHome !== values.home.length > 0;
      return !RELOADABLE.has(name);
    });
  }
}
