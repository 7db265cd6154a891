/**
 * The arrays of the port memory in the kernel, and the program that writes them.
 *
 * @module
 */

import type { AddressWords } from "../../detect/packet/address.ts";
import { PortMemory } from "../../detect/probe/port_memory.ts";
import {
  attachProgram,
  createArray,
  isBpfSupported,
  loadSocketFilter,
  mapArray,
} from "../../ffi/bpf_syscall.ts";
import { encode } from "../../ffi/ebpf.ts";
import { libc } from "../../ffi/libc.ts";
import type { Mapping } from "../../ffi/mapped_memory.ts";
import { ADDRESS_TABLE, AddressTable, randomHashKey } from "./address_table.ts";
import { CLOCK } from "./clock.ts";
import {
  ANY_ADDRESS,
  type MemoryFilterOptions,
  type MemoryMaps,
} from "./parts.ts";
import { memoryFilter } from "./program.ts";
import { UdpReceivers } from "./receivers.ts";

/** Interfaces with higher numbers are taken for parts of a bridge. */
const INTERFACES = 4_096;
/** How long what is known of sockets that only receive serves. */
const RECEIVERS_PAUSE_MS = 10_000;
/** Whoever sends scans in others' names must not make us look all the time. */
const SHORTEST_PAUSE_MS = 250;
/** Elements of 8 bytes: two words. */
const ELEMENT = 8;

/** Each array: its elements, their size, and whether the process writes it. */
const ARRAYS = {
  ports: { entries: 4 << 16, valueSize: ELEMENT, writable: false },
  protocols: { entries: 256, valueSize: ELEMENT, writable: false },
  receivers: { entries: 1 << 16, valueSize: ELEMENT, writable: true },
  addresses: { ...ADDRESS_TABLE, writable: true },
  routing: { entries: INTERFACES, valueSize: ELEMENT, writable: true },
  impostor: { entries: 1, valueSize: ELEMENT, writable: false },
  clock: { ...CLOCK, writable: false },
} as const satisfies Record<keyof MemoryMaps, unknown>;

type ArrayName = keyof typeof ARRAYS;
const NAMES = Object.keys(ARRAYS) as ArrayName[];

/** An interface, as far as the filter goes by it. */
export interface RoutingLink {
  /** Its number. */
  readonly index: number;
  /** Whether a bridge or bond holds it. */
  readonly isEnslaved: boolean;
}

/** The port memory in the kernel. */
export class KernelMemory {
  /** The same arrays, for the detector to read. */
  readonly memory: PortMemory;
  /** The descriptors, until they are closed. */
  readonly maps: MemoryMaps;
  /** The loaded program's descriptor, until it is closed. */
  readonly program: number;
  readonly #mapped: ReadonlyMap<ArrayName, Mapping>;
  readonly #addresses: AddressTable;
  readonly #routing: Uint32Array;
  readonly #receivers: Uint32Array;
  readonly #sockets = new UdpReceivers();
  #receiversRead = -Infinity;
  #open: number[];

  /**
   * @throws {Error} If the kernel has no eBPF, or refuses it to this process.
   */
  constructor(options: Omit<MemoryFilterOptions, "key">) {
    if (!isBpfSupported()) {
      throw new Error(`no eBPF for ${Deno.build.os} on ${Deno.build.arch}`);
    }
    const key = randomHashKey();
    this.#open = [];
    const mapped = this.#mapped = new Map<ArrayName, Mapping>();
    try {
      this.maps = this.#createArrays(mapped);
      const program = memoryFilter({ ...options, key }, this.maps);
      this.program = loadSocketFilter("scanlogd", encode(program));
      this.#open.push(this.program);
    } catch (error) {
      this.close();
      throw error;
    }
    const words = (name: ArrayName) => new Uint32Array(memoryOf(mapped, name));
    const receivers = this.#receivers = words("receivers");
    this.memory = new PortMemory(
      { ports: words("ports"), protocols: words("protocols"), receivers },
      (time) => this.readReceivers(time, SHORTEST_PAUSE_MS),
    );
    this.#addresses = new AddressTable(memoryOf(mapped, "addresses"), key);
    this.#routing = words("routing");
  }

  #createArrays(mapped: Map<ArrayName, Mapping>): MemoryMaps {
    const created = NAMES.map((name) => {
      const { entries, valueSize, writable } = ARRAYS[name];
      const descriptor = createArray(`scan_${name}`, entries, valueSize);
      this.#open.push(descriptor);
      mapped.set(name, mapArray(descriptor, byteLength(name), { writable }));
      return [name, descriptor];
    });
    return Object.fromEntries(created) as Record<ArrayName, number>;
  }

  /** Lets the program filter what a packet socket receives. */
  attach(socket: number): void {
    attachProgram(socket, this.program);
  }

  /**
   * Closes the descriptors: sockets keep the program and what it needs, the
   * process keeps what is mapped, and nobody can get at the rest.
   */
  closeDescriptors(): void {
    for (const descriptor of this.#open) libc().close(descriptor);
    this.#open = [];
  }

  /**
   * Tells the program the host's own addresses.
   *
   * @param areAll Whether it has no others, such as whole networks.
   * @returns For how many there was no room.
   */
  followAddresses(addresses: Iterable<AddressWords>, areAll = true): number {
    const refused = this.#addresses.assign(addresses);
    this.#routing[2 * ANY_ADDRESS] = areAll && refused === 0 ? 0 : 1;
    return refused;
  }

  /** Tells it the interfaces through which the host routes. */
  followLinks(links: Iterable<RoutingLink>): void {
    const routing = new Uint32Array(this.#routing.length);
    routing[2 * ANY_ADDRESS] = this.#routing[2 * ANY_ADDRESS];
    for (const { index, isEnslaved } of links) {
      if (index < INTERFACES && !isEnslaved) routing[2 * index] = 1;
    }
    this.#routing.set(routing);
  }

  /**
   * Looks for sockets that only receive.
   *
   * @param time On the packets' clock, in milliseconds.
   * @param pause How long the last look must be ago, in milliseconds; else it
   * still serves.
   * @returns How long until the next is due.
   */
  readReceivers(time: number, pause = RECEIVERS_PAUSE_MS): number {
    const now = performance.now();
    if (now - this.#receiversRead >= pause) {
      this.#receiversRead = now;
      this.#sockets.read(this.#receivers, Math.floor(time / 1000));
    }
    return this.#receiversRead + RECEIVERS_PAUSE_MS - now;
  }

  /** Frees what it holds; the detector must not read any more. */
  close(): void {
    this.closeDescriptors();
    this.#sockets.close();
    for (const [name, { address }] of this.#mapped) {
      libc().munmap(address, BigInt(byteLength(name)));
    }
  }
}

function byteLength(name: ArrayName): number {
  return ARRAYS[name].entries * ARRAYS[name].valueSize;
}

function memoryOf(
  mapped: ReadonlyMap<ArrayName, Mapping>,
  name: ArrayName,
): ArrayBuffer {
  return (mapped.get(name) as Mapping).memory;
}
