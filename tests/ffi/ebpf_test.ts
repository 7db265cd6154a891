/** What the kernel gets of an eBPF program, byte by byte; and what is refused. */

import {
  call,
  compute,
  constant,
  encode,
  EXIT,
  FRAME,
  type Instruction,
  jump,
  jumpIf,
  label,
  load,
  mapReference,
  R0,
  R1,
  R2,
  R6,
  R9,
  type Statement,
  store,
  swap,
} from "../../ffi/ebpf.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { interpret } from "../ebpf.ts";

function hexOf(statement: Instruction): string {
  const bytes = encode([statement, EXIT]);
  return bytes.subarray(0, -8).toHex();
}

Deno.test("each instruction as linux/bpf.h has it", () => {
  const expected: [Instruction, string][] = [
    [compute(R6, "=", R1), "bf16000000000000"],
    [compute(R0, "=", 192), "b7000000c0000000"],
    [compute(R0, "=", -1), "b7000000ffffffff"],
    [compute(R2, "+=", -76), "07020000b4ffffff"],
    [compute(R0, "/=", 1_000_000_000), "3700000000ca9a3b"],
    [compute(R9, ">>=", 3), "7709000003000000"],
    [compute(R1, "*=", R2), "2f21000000000000"],
    [swap(R1, 16), "dc01000010000000"],
    [load(1, R1, FRAME, -40), "71a1d8ff00000000"],
    [load(2, R1, R6, 16), "6961100000000000"],
    [load(4, R1, R6, 16), "6161100000000000"],
    [load(8, R1, FRAME, -8), "79a1f8ff00000000"],
    [store(4, FRAME, -76, R1), "631ab4ff00000000"],
    [store(8, FRAME, -16, 0), "7a0af0ff00000000"],
    [call("map_lookup_elem"), "8500000001000000"],
    [constant(R1, 0x1122334455667788n), "18010000887766550000000044332211"],
    [mapReference(R1, 7), "18110000070000000000000000000000"],
  ];
  for (const [statement, hex] of expected) assertEquals(hexOf(statement), hex);
  assertEquals(encode([EXIT]).toHex(), "9500000000000000");
});

Deno.test("jumps count instructions, constants as two", () => {
  const program = [
    jumpIf(R1, "!=", 5, "end"),
    constant(R0, 1n),
    jump("end"),
    compute(R0, "=", 2),
    label("end"),
    EXIT,
  ];
  const view = new DataView(encode(program).buffer);
  assertEquals(view.getInt16(2, true), 4);
  assertEquals(view.getInt16(3 * 8 + 2, true), 1);
});

Deno.test("conditions hold as they say, on all 64 bits", () => {
  const surroundings = {
    context: new DataView(new ArrayBuffer(0)),
    packet: new Uint8Array(),
    arrays: new Map(),
    now: 0n,
    ticks: 0n,
  };
  const isTaken = (left: number, condition: Parameters<typeof jumpIf>[1]) =>
    interpret(
      encode([
        compute(R0, "=", 1),
        compute(R1, "=", left),
        jumpIf(R1, condition, 7, "taken"),
        compute(R0, "=", 0),
        label("taken"),
        EXIT,
      ]),
      surroundings,
    ) === 1;
  const table = {
    "==": [7],
    "!=": [6, 8, -1],
    ">": [8, -1],
    ">=": [7, 8, -1],
    "<": [6],
    "&": [6, 7, -1],
    "signed >": [8],
  } as const;
  for (const [condition, numbers] of Object.entries(table)) {
    for (const left of [6, 7, 8, -1]) {
      assertEquals(
        isTaken(left, condition as keyof typeof table),
        (numbers as readonly number[]).includes(left),
        `${left} ${condition} 7`,
      );
    }
  }
});

Deno.test("what does not fit is refused", () => {
  const refuse = (kind: new () => Error, ...program: Statement[]) =>
    assertThrows(() => encode(program), kind);
  refuse(SyntaxError);
  refuse(SyntaxError, compute(R0, "=", 0));
  refuse(SyntaxError, EXIT, label("end"));
  refuse(SyntaxError, jump("nowhere"), EXIT);
  refuse(SyntaxError, label("a"), label("a"), EXIT);
  refuse(SyntaxError, label("loop"), compute(R0, "=", 0), jump("loop"), EXIT);
  refuse(RangeError, compute(R0, "=", 2 ** 31), EXIT);
  refuse(RangeError, compute(R0, "=", 0.5), EXIT);
  refuse(RangeError, load(1, R0, FRAME, 0x8000), EXIT);
  refuse(RangeError, load(1, { register: 11 }, FRAME, 0), EXIT);
  const filler = (count: number) => Array(count).fill(compute(R0, "=", 0));
  refuse(RangeError, ...filler(4_096), EXIT);
  assertEquals(encode([...filler(4_095), EXIT]).length, 8 * 4_096);
});
