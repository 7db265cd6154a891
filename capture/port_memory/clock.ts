/**
 * The filter's clock: seconds since boot, as CLOCK_BOOTTIME tells them. To ask
 * the kernel for it takes longer than the rest of the program. So the answer is
 * kept in an array for some of the kernel's ticks, which cost nothing.
 *
 * @module
 */

import {
  call,
  compute,
  FRAME,
  jump,
  jumpIf,
  load,
  R0,
  R1,
  R2,
  type Statement,
  store,
} from "../../ffi/ebpf.ts";
import { lookUp } from "./parts.ts";

/** Of one element: ticks in the upper half, seconds in the lower. */
export const CLOCK = { entries: 1, valueSize: 8 } as const;

const NANOSECONDS = 1_000_000_000;
/**
 * An answer serves for 16 ticks: 160 ms at 100 ticks a second, the fewest of
 * any kernel. While the machine sleeps, ticks stand still.
 */
const TICK_BITS = 4;
/** On the stack: the ticks, in the upper half; the seconds. */
const TICKS_AT = -88;
const SECONDS_AT = -96;

/** Sets R0 to the time since boot in whole seconds; never 0. Destroys R1 to R5. */
export function readClock(name: string, clock: number): Statement[] {
  return [
    call("jiffies64"),
    compute(R0, ">>=", TICK_BITS),
    compute(R0, "<<=", 32),
    store(8, FRAME, TICKS_AT, R0),
    compute(R1, "=", 0),
    ...lookUp(clock, R1, `${name}, ask`),
    load(8, R0, R0, 0),
    load(8, R2, FRAME, TICKS_AT),
    compute(R1, "=", R0),
    compute(R1, ">>=", 32),
    compute(R1, "<<=", 32),
    // An array is empty at first, and 0 means never.
    jumpIf(R1, "!=", R2, `${name}, ask`),
    compute(R0, "-=", R1),
    jumpIf(R0, "!=", 0, `${name}, told`),
    { label: `${name}, ask` },
    ...askKernel(name, clock),
    { label: `${name}, told` },
  ];
}

function askKernel(name: string, clock: number): Statement[] {
  return [
    call("ktime_get_boot_ns"),
    compute(R0, "/=", NANOSECONDS),
    jumpIf(R0, "!=", 0, `${name}, asked`),
    compute(R0, "=", 1),
    { label: `${name}, asked` },
    store(8, FRAME, SECONDS_AT, R0),
    compute(R1, "=", 0),
    ...lookUp(clock, R1, `${name}, not kept`),
    // In one piece: another processor may do the same.
    load(8, R1, FRAME, TICKS_AT),
    load(8, R2, FRAME, SECONDS_AT),
    compute(R1, "|=", R2),
    store(8, R0, 0, R1),
    { label: `${name}, not kept` },
    load(8, R0, FRAME, SECONDS_AT),
    jump(`${name}, told`),
  ];
}
