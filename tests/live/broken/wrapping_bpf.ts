/**
 * Stands in for ffi/bpf.ts: an assembler that knows no detours, and writes the
 * lowest 8 bits of however long a jump.
 *
 * @module
 */

import type { PackedProgram, Statement } from "../../../ffi/bpf.ts";

export * from "../../../ffi/bpf.ts";

/** Assembles a program, wrongly. */
export function assemble(program: readonly Statement[]): PackedProgram {
  const labels = new Map<string, number>();
  const instructions = program.flatMap((statement, i) => {
    if (!("label" in statement)) return [statement];
    labels.set(statement.label, i - labels.size);
    return [];
  });
  const code = new Uint8Array(instructions.length * 8);
  const view = new DataView(code.buffer);
  for (const [i, { code, k, ifTrue, ifFalse }] of instructions.entries()) {
    const distance = (label: string | undefined) =>
      label === undefined ? 0 : labels.get(label)! - i - 1;
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, distance(ifTrue));
    view.setUint8(8 * i + 3, distance(ifFalse));
    view.setUint32(8 * i + 4, k, true);
  }
  return code;
}
