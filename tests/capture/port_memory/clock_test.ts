/** The filter's clock tells the kernel's time, and rarely asks for it. */

import { readClock } from "../../../capture/port_memory/clock.ts";
import { encode, EXIT } from "../../../ffi/ebpf.ts";
import { assertEquals } from "../../assert.ts";
import { interpret } from "../../ebpf.ts";

const MAP = 9;

/** A clock, and what it tells at a time of the kernel's. */
function clock(): (ticks: number, seconds: number) => number {
  const program = encode([...readClock("clock", MAP), EXIT]);
  const array = { memory: new DataView(new ArrayBuffer(8)), valueSize: 8 };
  return (ticks, seconds) =>
    interpret(program, {
      context: new DataView(new ArrayBuffer(192)),
      packet: new Uint8Array(),
      arrays: new Map([[MAP, array]]),
      now: BigInt(Math.floor(seconds * 1e9)),
      ticks: BigInt(ticks),
    });
}

Deno.test("an answer serves for sixteen ticks", () => {
  const tell = clock();
  assertEquals(tell(1_600, 12.9), 12);
  assertEquals(tell(1_601, 13), 12);
  assertEquals(tell(1_615, 13.1), 12);
  assertEquals(tell(1_616, 13.1), 13);
  assertEquals(tell(1_616, 99), 13);
  // While the machine slept, ticks stood still.
  assertEquals(tell(1_632, 5_000), 5_000);
});

Deno.test("the first second counts as 1: 0 means never", () => {
  const tell = clock();
  assertEquals(tell(0, 0.5), 1);
  assertEquals(tell(3, 2.5), 1);
  assertEquals(tell(16, 2.5), 2);
});

Deno.test("ticks beyond 32 bits are ticks", () => {
  const tell = clock();
  const start = 2 ** 36;
  assertEquals(tell(start - 1, 7), 7);
  assertEquals(tell(start, 8), 8);
  assertEquals(tell(2 * start + 5, 9), 8); // two years without a packet
  assertEquals(tell(2 * start + 16, 9), 9);
});
