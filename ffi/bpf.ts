/**
 * An assembler of classic BPF (linux/filter.h), as packet filters and seccomp(2)
 * take it. A program names the places that it jumps to; where a jump leads, and
 * how far it reaches, is worked out here, and what does not fit is an error.
 *
 * @module
 */

// linux/bpf_common.h: a class, a size and a mode, or an operation.
/** Loads what stands at a fixed offset. */
export const LD_WORD_ABS = 0x20;
export const LD_HALF_ABS = 0x28;
export const LD_BYTE_ABS = 0x30;
/** Loads what stands so far behind the index register's offset. */
export const LD_HALF_IND = 0x48;
export const LD_BYTE_IND = 0x50;
/** Sets the index register. */
export const LDX_IMMEDIATE = 0x01;
/** Sets it to an IPv4 header's length. */
export const LDX_IPV4_HEADER_LENGTH = 0xb1;
export const ALU_AND = 0x54;
/** The detour's jump: as far as its operand says, which no other can. */
export const JUMP_ALWAYS = 0x05;
export const JUMP_EQUAL = 0x15;
export const JUMP_GREATER = 0x25;
export const JUMP_AT_LEAST = 0x35;
export const JUMP_ANY_BIT = 0x45;
export const RETURN = 0x06;

/** Size of `struct sock_filter`, in bytes. */
const SOCK_FILTER = 8;
/** linux/bpf_common.h: the longest program that the kernel takes. */
const BPF_MAXINSNS = 4096;
/** The farthest that a conditional jump reaches: its field is a byte. */
const FARTHEST = 0xff;

/** What one of the kernel's instructions does. */
export interface Instruction {
  /** One of the codes above. */
  readonly code: number;
  /** Its operand, 32 bits without sign. */
  readonly k: number;
  /** Where a condition that holds leads; on to the next if left out. */
  readonly ifTrue?: string;
  /** Where one that does not hold leads; on to the next if left out. */
  readonly ifFalse?: string;
}

/** Names the place of the instruction that follows. */
export interface Label {
  readonly label: string;
}

/** What a program consists of. Jumps only lead forward. */
export type Statement = Instruction | Label;

/** Instructions as the kernel wants them: `struct sock_filter[]`. */
export type PackedProgram = Uint8Array<ArrayBuffer>;

/** A jump, and what it takes. */
interface Placed {
  readonly instruction: Instruction;
  /** How many labels' places stand before it. */
  readonly index: number;
  /** Whether the way goes over a {@linkcode JUMP_ALWAYS} of its own. */
  isTrueFar: boolean;
  isFalseFar: boolean;
}

/**
 * Assembles a program. A conditional jump that does not reach goes over a
 * JUMP_ALWAYS behind it.
 *
 * @throws {SyntaxError} If a label is missing, stands twice or lies behind the
 * jump, or the end of the program can be run out of.
 * @throws {RangeError} If something does not fit into its field, or the program
 * is longer than the kernel takes.
 */
export function assemble(program: readonly Statement[]): PackedProgram {
  const { placed, labels } = place(program);
  const positions = layOut(placed, labels);
  const length = positions[placed.length];
  if (length > BPF_MAXINSNS) {
    throw new RangeError(
      `Cannot assemble a BPF program: ${length} instructions, at most ${BPF_MAXINSNS} are possible`,
    );
  }
  const code = new Uint8Array(length * SOCK_FILTER);
  const view = new DataView(code.buffer);
  for (const each of placed) encode(view, each, positions, labels);
  return code;
}

function place(program: readonly Statement[]) {
  const placed: Placed[] = [];
  const labels = new Map<string, number>();
  for (const statement of program) {
    if (!("label" in statement)) {
      const index = placed.length;
      const isFar = { isTrueFar: false, isFalseFar: false };
      placed.push({ instruction: statement, index, ...isFar });
    } else if (labels.has(statement.label)) {
      refuse(`label "${statement.label}" stands twice`);
    } else labels.set(statement.label, placed.length);
  }
  if (placed.at(-1)?.instruction.code !== RETURN) refuse("it has no end");
  return { placed, labels };
}

/**
 * Gives each instruction its position. A jump over another's detour becomes
 * longer, so it is repeated until no more are needed.
 *
 * @returns The positions, and that of the program's end.
 */
function layOut(
  placed: readonly Placed[],
  labels: ReadonlyMap<string, number>,
): Uint32Array {
  const positions = new Uint32Array(placed.length + 1);
  for (let isSettled = false; !isSettled;) {
    for (const [i, each] of placed.entries()) {
      const { isTrueFar, isFalseFar } = each;
      positions[i + 1] = positions[i] + 1 + Number(isTrueFar) +
        Number(isFalseFar);
    }
    isSettled = true;
    for (const each of placed) {
      const { ifTrue, ifFalse } = each.instruction;
      const reaches = (label: string | undefined) =>
        target(each, label, positions, labels) - positions[each.index] - 1 <=
          FARTHEST;
      if (!each.isTrueFar && !reaches(ifTrue)) {
        each.isTrueFar = true;
        isSettled = false;
      }
      if (!each.isFalseFar && !reaches(ifFalse)) {
        each.isFalseFar = true;
        isSettled = false;
      }
    }
  }
  return positions;
}

/** The position that a way out of an instruction leads to. */
function target(
  { index }: Placed,
  label: string | undefined,
  positions: Uint32Array,
  labels: ReadonlyMap<string, number>,
): number {
  if (label === undefined) return positions[index + 1];
  const to = labels.get(label);
  if (to === undefined) return refuse(`there is no label "${label}"`);
  if (to <= index) return refuse(`label "${label}" lies behind its jump`);
  if (to + 1 === positions.length) return refuse(`"${label}" names the end`);
  return positions[to];
}

/** Writes an instruction, and the detours that it needs. */
function encode(
  view: DataView,
  each: Placed,
  positions: Uint32Array,
  labels: ReadonlyMap<string, number>,
): void {
  const { instruction: { code, k, ifTrue, ifFalse }, index } = each;
  const { isTrueFar, isFalseFar } = each;
  const at = positions[index];
  const far = (label: string | undefined, from: number) => {
    const distance = target(each, label, positions, labels) - from - 1;
    write(view, from, { code: JUMP_ALWAYS, k: distance });
    return from - at - 1;
  };
  const near = (label: string | undefined) =>
    target(each, label, positions, labels) - at - 1;
  if (!isConditional(code)) {
    if (ifTrue !== undefined || ifFalse !== undefined) {
      refuse(`instruction ${code} has no condition`);
    }
    if (code === JUMP_ALWAYS) refuse("a jump needs a condition and labels");
    return write(view, at, { code, k });
  }
  const jumpTrue = isTrueFar ? far(ifTrue, at + 1) : near(ifTrue);
  const jumpFalse = isFalseFar
    ? far(ifFalse, at + 1 + Number(isTrueFar))
    : near(ifFalse);
  write(view, at, { code, k }, jumpTrue, jumpFalse);
}

function isConditional(code: number): boolean {
  return [JUMP_EQUAL, JUMP_GREATER, JUMP_AT_LEAST, JUMP_ANY_BIT].includes(code);
}

/** Writes a `struct sock_filter`. */
function write(
  view: DataView,
  position: number,
  { code, k }: Instruction,
  jumpTrue = 0,
  jumpFalse = 0,
): void {
  const at = position * SOCK_FILTER;
  view.setUint16(at, fitting("code", code, 0xffff), true);
  view.setUint8(at + 2, fitting("jump if true", jumpTrue, FARTHEST));
  view.setUint8(at + 3, fitting("jump if false", jumpFalse, FARTHEST));
  view.setUint32(at + 4, fitting("operand", k, 0xffff_ffff), true);
}

function fitting(field: string, value: number, largest: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return value;
  throw new RangeError(
    `Cannot assemble a BPF program: ${field} must be 0 to ${largest}, got ${value}`,
  );
}

function refuse(why: string): never {
  throw new SyntaxError(`Cannot assemble a BPF program: ${why}`);
}
