/**
 * The numbers of the detector, each with unit, range, default and reason.
 *
 * @module
 */

/** A range of integers, and the value that is used if none is given. */
export interface IntegerKnob {
  /** The smallest value allowed. */
  readonly min: number;
  /** The largest value allowed. */
  readonly max: number;
  /** The value used if none is given. */
  readonly default: number;
}

/**
 * The detector's numbers. The defaults are scanlogd's `params.h`, but for the
 * table, which is 256 entries there.
 *
 * @example
 * ```ts
 * import { KNOBS } from "@scanlogd/scanlogd";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(KNOBS.minPorts.default, 7);
 * ```
 */
export const KNOBS = {
  /**
   * Privileged ports that make a scan. Fewer finds more, and reports hosts that
   * legitimately use many services.
   */
  minPorts: { min: 2, max: 100, default: 7 },
  /** Weight of a port below 1024, where a stray connection is less likely. */
  privilegedWeight: { min: 1, max: 255, default: 3 },
  /**
   * Weight of the other ports. It is low because legitimate transfers, such as
   * those of passive FTP, touch many of them.
   */
  highWeight: { min: 1, max: 255, default: 1 },
  /** Longest pause inside a scan, in milliseconds. */
  scanDelay: { min: 1, max: 86_400_000, default: 3000 },
  /**
   * Sources remembered at a time, rounded up to a power of two. An attacker
   * who spoofs addresses fills the table; the larger it is, the longer a scan
   * may take and still be found meanwhile.
   */
  sources: { min: 16, max: 1_048_576, default: 65_536 },
  /** Scans that are logged in a row; 0: no limit. */
  logBurst: { min: 0, max: 1_000_000, default: 5 },
  /** The pause that ends a row of scans, in milliseconds. */
  logDelay: { min: 1, max: 86_400_000, default: 20_000 },
  /**
   * Leading bits of an IPv6 address that make a source: a host is mostly free
   * to use any address of its /64.
   */
  ipv6Prefix: { min: 1, max: 128, default: 64 },
  /**
   * How long refused ports are remembered for slow scans, in milliseconds; 0:
   * slow scans are not looked for. nmap's slowest timing waits five minutes
   * between probes.
   */
  slowWindow: { min: 0, max: 2_592_000_000, default: 86_400_000 },
  /**
   * How long a scan waits before it is told, in milliseconds: what the host sends
   * may be seen a moment later than what it answers. Where a host is silent that
   * forwards, a scan waits for 250 ms or as long, since whoever answers at a port
   * of it may be far away.
   */
  answerDelay: { min: 0, max: 10_000, default: 5 },
  /**
   * The lowest port that the watched host takes for connections of its own
   * (`ip_local_port_range` on Linux). A refusal from this port on is no
   * evidence: late answers to the host's own questions draw it too.
   */
  ephemeralPort: { min: 1, max: 65_536, default: 32_768 },
  /**
   * Probes handed on a second, at most. A flood would fill a disk; scans over
   * many hosts, which they are for, bring few to each.
   */
  probeRate: { min: 1, max: 1_000_000, default: 1000 },
} as const satisfies Record<string, IntegerKnob>;

/** The name of a number. */
export type KnobName = keyof typeof KNOBS;

/** The numbers that may change while a detector runs. */
export interface FloodLimits {
  /** Scans logged in a row: 0 (no limit) to 1,000,000. */
  logBurst: number;
  /** Pause that ends a row of scans in milliseconds: 1 to 86,400,000. */
  logDelay: number;
}

/**
 * The numbers that a detector runs with. Whoever needs one of the two that may
 * change keeps this object, not the number.
 */
export type Settings =
  & Readonly<Record<Exclude<KnobName, keyof FloodLimits>, number>>
  & FloodLimits;

/**
 * Fills in the defaults and checks every number.
 *
 * @throws {TypeError} If a value is no number.
 * @throws {RangeError} If a number is not an integer, outside its range, or
 * contradicts another.
 */
export function resolveSettings(
  options: Readonly<Partial<Record<KnobName, number>>>,
): Settings {
  const settings = {} as Record<KnobName, number>;
  for (const name of Object.keys(KNOBS) as KnobName[]) {
    const { [name]: value = KNOBS[name].default } = options;
    settings[name] = checkKnob(name, value);
  }
  if (settings.highWeight > settings.privilegedWeight) {
    throw new RangeError(
      `Cannot set highWeight: it must be at most privilegedWeight (${settings.privilegedWeight}), got ${settings.highWeight}`,
    );
  }
  return settings;
}

/**
 * Gives a number back that a knob may be set to.
 *
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it may not.
 */
export function checkKnob(name: KnobName, value: number): number {
  const { min, max } = KNOBS[name];
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const isNumber = typeof value === "number";
  throw new (isNumber ? RangeError : TypeError)(
    `Cannot set ${name}: it must be an integer from ${min} to ${max}, got ${
      describe(value)
    }`,
  );
}

/** A value of a caller's in a message: texts in quotes, lists in brackets. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`;
  return typeof value === "string" ? `"${value}"` : String(value);
}

/**
 * Refuses what has no fields.
 *
 * @param what What cannot be done otherwise, and what it is called.
 * @throws {TypeError} If it is no object.
 */
export function checkObject(what: string, value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  throw new TypeError(
    `Cannot ${what} must be an object, got ${describe(value)}`,
  );
}

/**
 * Callers without types hand over anything; with types, a single text, which is
 * iterable as well, letter by letter.
 *
 * @param what What cannot be done otherwise, and what the texts are called.
 * @throws {TypeError} If they are no list of texts.
 */
export function* textsOf(
  what: string,
  texts: Iterable<unknown>,
): Generator<string> {
  const isList = typeof texts === "object" && texts !== null &&
    Symbol.iterator in texts;
  if (!isList) {
    throw new TypeError(
      `Cannot ${what} must be an array of texts, got ${describe(texts)}`,
    );
  }
  for (const text of texts) {
    if (typeof text !== "string") {
      throw new TypeError(
        `Cannot ${what} must be texts, got ${describe(text)} among them`,
      );
    }
    yield text;
  }
}
