/**
 * An assembler of eBPF (linux/bpf.h), in which the filter that writes the port
 * memory is written. As with classic BPF, a program names the places that it
 * jumps to, jumps lead forward alone, and what does not fit is an error.
 *
 * @module
 */

/** Size of `struct bpf_insn`, in bytes: code, registers, offset, immediate. */
const BPF_INSN = 8;
/** linux/bpf.h: the longest program that whoever lacks CAP_PERFMON can load. */
const BPF_MAXINSNS = 4096;

// linux/bpf_common.h, linux/bpf.h: classes, sizes, modes, kinds of operand.
const CLASS_LDX = 0x01;
const CLASS_ST = 0x02;
const CLASS_STX = 0x03;
const CLASS_JMP = 0x05;
const CLASS_ALU32 = 0x04;
const CLASS_ALU64 = 0x07;
const MODE_MEM = 0x60;
const FROM_REGISTER = 0x08;
const LOAD_64_BITS = 0x18;
const TO_BIG_ENDIAN = 0xd0 | FROM_REGISTER;
const PSEUDO_MAP_FD = 1;

/** A register: its number. */
export interface Register {
  readonly register: number;
}

function register(number: number): Register {
  return { register: number };
}

/** A function's result, and the program's. */
export const R0 = register(0);
/** Arguments of functions, which any call destroys. */
export const R1 = register(1);
export const R2 = register(2);
export const R3 = register(3);
export const R4 = register(4);
export const R5 = register(5);
/** Registers that calls keep. */
export const R6 = register(6);
export const R7 = register(7);
export const R8 = register(8);
export const R9 = register(9);
/** The end of the stack, whose 512 bytes lie before it; cannot be written. */
export const FRAME = register(10);

/** A register or a number of 32 bits, whose sign is extended to 64. */
export type Operand = Register | number;

/** Sizes of loads and stores, in bytes. */
const SIZES = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const;
/** How many bytes a load or store moves. */
export type Size = keyof typeof SIZES;

const OPERATIONS = {
  "+=": 0x00,
  "-=": 0x10,
  "*=": 0x20,
  "/=": 0x30, // without sign
  "|=": 0x40,
  "&=": 0x50,
  "<<=": 0x60,
  ">>=": 0x70, // without sign
  "^=": 0xa0,
  "=": 0xb0,
} as const;
/** What is done with a register: 64 bits, without sign. */
export type Operation = keyof typeof OPERATIONS;

const CONDITIONS = {
  "==": 0x10,
  ">": 0x20,
  ">=": 0x30,
  "&": 0x40, // a bit in common
  "!=": 0x50,
  "signed >": 0x60,
  "<": 0xa0,
} as const;
/** When a jump is taken: 64 bits, without sign unless it says so. */
export type Condition = keyof typeof CONDITIONS;

/** Functions of the kernel (linux/bpf.h); none is newer than Linux 5.8. */
export const HELPERS = {
  map_lookup_elem: 1,
  skb_load_bytes_relative: 68,
  jiffies64: 118,
  ktime_get_boot_ns: 125,
} as const;

/** An instruction of the machine. */
export interface Instruction {
  readonly code: number;
  readonly destination?: Register;
  /** A register, or what the source field stands for instead. */
  readonly source?: Register;
  readonly offset?: number;
  readonly immediate?: number;
  /** Where it jumps: fills in the offset. */
  readonly target?: string;
  /** The upper 32 bits of a constant of 64, which takes a second instruction. */
  readonly upper?: number;
}

/** Names the place of the instruction that follows. */
export interface Label {
  readonly label: string;
}

/** What a program consists of. */
export type Statement = Instruction | Label;

/** Names the place of the instruction that follows. */
export function label(name: string): Label {
  return { label: name };
}

/** Loads bytes from memory; what is above them becomes 0. */
export function load(
  size: Size,
  destination: Register,
  base: Register,
  offset: number,
): Instruction {
  const code = CLASS_LDX | MODE_MEM | SIZES[size];
  return { code, destination, source: base, offset };
}

/** Stores the lowest bytes of a register or number. */
export function store(
  size: Size,
  base: Register,
  offset: number,
  value: Operand,
): Instruction {
  const code = MODE_MEM | SIZES[size];
  return typeof value === "number"
    ? { code: code | CLASS_ST, destination: base, offset, immediate: value }
    : { code: code | CLASS_STX, destination: base, offset, source: value };
}

/** Calculates, as in `compute(R1, "+=", 4)`. */
export function compute(
  destination: Register,
  operation: Operation,
  value: Operand,
): Instruction {
  return withOperand(CLASS_ALU64 | OPERATIONS[operation], destination, value);
}

/** Turns the lowest bits from network to host order, or back. */
export function swap(destination: Register, bits: 16 | 32 | 64): Instruction {
  return { code: CLASS_ALU32 | TO_BIG_ENDIAN, destination, immediate: bits };
}

/** Sets a register to a number of 64 bits. */
export function constant(destination: Register, value: bigint): Instruction {
  return {
    code: LOAD_64_BITS,
    destination,
    immediate: Number(BigInt.asIntN(32, value)),
    upper: Number(BigInt.asIntN(32, value >> 32n)),
  };
}

/** Sets a register to what refers to a map. */
export function mapReference(
  destination: Register,
  descriptor: number,
): Instruction {
  return {
    code: LOAD_64_BITS,
    destination,
    source: register(PSEUDO_MAP_FD),
    immediate: descriptor,
    upper: 0,
  };
}

/** Jumps if a condition holds, as in `jumpIf(R1, "==", 4, "found")`. */
export function jumpIf(
  left: Register,
  condition: Condition,
  right: Operand,
  target: string,
): Instruction {
  const code = CLASS_JMP | CONDITIONS[condition];
  return { ...withOperand(code, left, right), target };
}

/** Jumps. */
export function jump(target: string): Instruction {
  return { code: CLASS_JMP, target };
}

/** Calls a function of the kernel. */
export function call(helper: keyof typeof HELPERS): Instruction {
  return { code: CLASS_JMP | 0x80, immediate: HELPERS[helper] };
}

/** Ends the program with the value of {@linkcode R0}. */
export const EXIT: Instruction = { code: CLASS_JMP | 0x90 };

function withOperand(
  code: number,
  destination: Register,
  value: Operand,
): Instruction {
  return typeof value === "number"
    ? { code, destination, immediate: value }
    : { code: code | FROM_REGISTER, destination, source: value };
}

/** Instructions as the kernel wants them: `struct bpf_insn[]`. */
export type EncodedProgram = Uint8Array<ArrayBuffer>;

/**
 * Encodes a program.
 *
 * @throws {SyntaxError} If a label is missing, stands twice or lies behind the
 * jump, or the program does not end with {@linkcode EXIT}.
 * @throws {RangeError} If something does not fit into its field, or the program
 * is longer than the kernel takes.
 */
export function encode(program: readonly Statement[]): EncodedProgram {
  const { labels, length } = layOut(program);
  const bytes = new Uint8Array(
    BPF_INSN * fitting("length", length, 1, BPF_MAXINSNS),
  );
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const statement of program) {
    if ("label" in statement) continue;
    write(view, at, statement, distance(labels, statement.target, at));
    at += slots(statement);
  }
  return bytes;
}

/** How many places of the program an instruction takes. */
function slots({ upper }: Instruction): number {
  return upper === undefined ? 1 : 2;
}

function layOut(program: readonly Statement[]) {
  const labels = new Map<string, number>();
  let length = 0;
  for (const statement of program) {
    if (!("label" in statement)) length += slots(statement);
    else if (labels.has(statement.label)) {
      refuse(`label "${statement.label}" stands twice`);
    } else labels.set(statement.label, length);
  }
  const last = program.at(-1);
  if (last === undefined || "label" in last || last.code !== EXIT.code) {
    refuse("it has no end");
  }
  return { labels, length };
}

function distance(
  labels: ReadonlyMap<string, number>,
  target: string | undefined,
  at: number,
): number {
  if (target === undefined) return 0;
  const to = labels.get(target);
  if (to === undefined) return refuse(`there is no label "${target}"`);
  if (to <= at) return refuse(`label "${target}" lies behind its jump`);
  return to - at - 1;
}

function write(
  view: DataView,
  position: number,
  { code, destination, source, offset, immediate = 0, upper }: Instruction,
  jumpDistance: number,
): void {
  const at = position * BPF_INSN;
  const to = fitting("register", destination?.register ?? 0, 0, 10);
  const from = fitting("register", source?.register ?? 0, 0, 10);
  view.setUint8(at, fitting("code", code, 0, 0xff));
  view.setUint8(at + 1, to | from << 4);
  const field = fitting("offset", offset ?? jumpDistance, -0x8000, 0x7fff);
  view.setInt16(at + 2, field, true);
  view.setInt32(at + 4, fittingImmediate(immediate), true);
  if (upper === undefined) return;
  view.setInt32(at + BPF_INSN + 4, fittingImmediate(upper), true);
}

/** Larger numbers without sign would become negative ones of 64 bits. */
function fittingImmediate(value: number): number {
  return fitting("immediate", value, -0x8000_0000, 0x7fff_ffff);
}

function fitting(
  field: string,
  value: number,
  smallest: number,
  largest: number,
): number {
  if (Number.isInteger(value) && value >= smallest && value <= largest) {
    return value;
  }
  throw new RangeError(
    `Cannot assemble an eBPF program: ${field} must be ${smallest} to ${largest}, got ${value}`,
  );
}

function refuse(why: string): never {
  throw new SyntaxError(`Cannot assemble an eBPF program: ${why}`);
}
