/**
 * An interpreter of eBPF programs (RFC 9669), as far as ours go: it reads the
 * bytes that the kernel gets.
 *
 * @module
 */

import type { EncodedProgram } from "../ffi/ebpf.ts";

/** An array of the kernel's, by its descriptor. */
export interface FakeArray {
  /** All elements. */
  memory: DataView;
  /** Bytes of an element. */
  valueSize: number;
}

/** What surrounds a program. */
export interface Surroundings {
  /** `struct __sk_buff`. */
  context: DataView;
  /** The packet, from the network header on. */
  packet: Uint8Array;
  /** By their descriptors. */
  arrays: ReadonlyMap<number, FakeArray>;
  /** Time since boot, in nanoseconds. */
  now: bigint;
  /** The kernel's ticks. */
  ticks: bigint;
}

const MASK = (1n << 64n) - 1n;
const STACK_SIZE = 512;
/** Addresses: what they point into, and where, in the lower 32 bits. */
const STACK = 1;
const CONTEXT = 2;
const FIRST_ARRAY = 1_000;
const MAP = 1n << 60n;

/** A running program. */
class Machine {
  readonly registers = new BigUint64Array(11);
  readonly #stack = new DataView(new ArrayBuffer(STACK_SIZE));
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.registers[1] = address(CONTEXT, 0);
    this.registers[10] = address(STACK, STACK_SIZE);
  }

  #room(pointer: bigint, size: number): [DataView, number] {
    const what = Number(pointer >> 32n);
    const at = Number(pointer & 0xffff_ffffn);
    const view = what === STACK
      ? this.#stack
      : what === CONTEXT
      ? this.#surroundings.context
      : this.#surroundings.arrays.get(what - FIRST_ARRAY)?.memory;
    if (view === undefined || at + size > view.byteLength) {
      throw new Error(`no memory at ${pointer.toString(16)}`);
    }
    return [view, at];
  }

  load(pointer: bigint, size: number): bigint {
    const [view, at] = this.#room(pointer, size);
    if (size === 8) return view.getBigUint64(at, true);
    if (size === 4) return BigInt(view.getUint32(at, true));
    return BigInt(size === 2 ? view.getUint16(at, true) : view.getUint8(at));
  }

  store(pointer: bigint, size: number, value: bigint): void {
    const [view, at] = this.#room(pointer, size);
    if (size === 8) return view.setBigUint64(at, value, true);
    const low = Number(value & 0xffff_ffffn);
    if (size === 4) view.setUint32(at, low, true);
    else if (size === 2) view.setUint16(at, low & 0xffff, true);
    else view.setUint8(at, low & 0xff);
  }

  /** Calls a function; destroys the registers that the kernel would. */
  call(helper: number): void {
    const result = this.#result(helper);
    this.registers.fill(0xdead_beef_dead_beefn, 1, 6);
    this.registers[0] = result;
  }

  #result(helper: number): bigint {
    const { arrays, packet, now } = this.#surroundings;
    const [, r1, r2, r3, r4, r5] = this.registers;
    switch (helper) {
      case 1: { // map_lookup_elem
        const map = Number(r1 - MAP);
        const array = arrays.get(map);
        if (array === undefined) throw new Error(`no map ${map}`);
        const at = Number(this.load(r2, 4)) * array.valueSize;
        if (at >= array.memory.byteLength) return 0n;
        return address(FIRST_ARRAY + map, at);
      }
      case 68: { // skb_load_bytes_relative
        if (r1 !== address(CONTEXT, 0)) throw new Error("no context");
        if (r5 !== 1n) throw new Error("not from the network header on");
        const [from, length] = [Number(r2), Number(r4)];
        const isThere = from + length <= packet.length;
        for (let i = 0; i < length; i++) {
          const byte = isThere ? packet[from + i] : 0;
          this.store(r3 + BigInt(i), 1, BigInt(byte));
        }
        return isThere ? 0n : MASK;
      }
      case 118: // jiffies64
        return this.#surroundings.ticks;
      case 125: // ktime_get_boot_ns
        return now;
      default:
        throw new Error(`no helper ${helper}`);
    }
  }
}

function address(what: number, at: number): bigint {
  return (BigInt(what) << 32n) + BigInt(at);
}

const SIZES: Readonly<Record<number, number>> = {
  0x00: 4,
  0x08: 2,
  0x10: 1,
  0x18: 8,
};

/**
 * Runs a program; returns its value.
 *
 * @throws {Error} If it does what the kernel would not let it do.
 */
export function interpret(
  program: EncodedProgram,
  surroundings: Surroundings,
): number {
  const view = new DataView(program.buffer);
  const machine = new Machine(surroundings);
  const { registers } = machine;
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint8(at);
    const to = view.getUint8(at + 1) & 0xf;
    const from = view.getUint8(at + 1) >> 4;
    const offset = view.getInt16(at + 2, true);
    const immediate = BigInt(view.getInt32(at + 4, true));
    const operand = (code & 8) !== 0
      ? registers[from]
      : BigInt.asUintN(64, immediate);
    switch (code & 7) {
      case 0: { // a constant of 64 bits
        at += 8;
        const upper = BigInt(view.getUint32(at + 4, true));
        const low = BigInt.asUintN(32, immediate);
        registers[to] = from === 1 ? MAP + low : upper << 32n | low;
        break;
      }
      case 1:
        registers[to] = machine.load(
          registers[from] + BigInt(offset),
          SIZES[code & 0x18],
        );
        break;
      case 2:
      case 3:
        machine.store(
          registers[to] + BigInt(offset),
          SIZES[code & 0x18],
          (code & 7) === 2 ? immediate : registers[from],
        );
        break;
      case 4:
        if (code !== 0xdc) throw new Error(`unknown instruction ${code}`);
        registers[to] = swapped(registers[to], Number(immediate) / 8);
        break;
      case 5:
        if (code === 0x95) return Number(registers[0] & 0xffff_ffffn);
        if (code === 0x85) machine.call(Number(immediate));
        else if (isTaken(code, registers[to], operand)) at += 8 * offset;
        break;
      case 7:
        registers[to] = computed(code, registers[to], operand);
        break;
      default:
        throw new Error(`unknown instruction ${code}`);
    }
  }
  throw new Error("the program has no end");
}

function swapped(value: bigint, bytes: number): bigint {
  let result = 0n;
  for (let i = 0; i < bytes; i++) {
    result = result << 8n | (value >> BigInt(8 * i) & 0xffn);
  }
  return result;
}

function isTaken(code: number, left: bigint, right: bigint): boolean {
  switch (code & 0xf0) {
    case 0x00:
      return true;
    case 0x10:
      return left === right;
    case 0x20:
      return left > right;
    case 0x30:
      return left >= right;
    case 0x40:
      return (left & right) !== 0n;
    case 0x50:
      return left !== right;
    case 0x60:
      return BigInt.asIntN(64, left) > BigInt.asIntN(64, right);
    case 0xa0:
      return left < right;
    default:
      throw new Error(`unknown jump ${code}`);
  }
}

function computed(code: number, left: bigint, right: bigint): bigint {
  const result = (): bigint => {
    switch (code & 0xf0) {
      case 0x00:
        return left + right;
      case 0x10:
        return left - right;
      case 0x20:
        return left * right;
      case 0x30:
        return left / right;
      case 0x40:
        return left | right;
      case 0x50:
        return left & right;
      case 0x60:
        return left << (right & 63n);
      case 0x70:
        return left >> (right & 63n);
      case 0xa0:
        return left ^ right;
      case 0xb0:
        return right;
      default:
        throw new Error(`unknown operation ${code}`);
    }
  };
  return BigInt.asUintN(64, result());
}
