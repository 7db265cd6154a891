/**
 * Sends random packets from the namespace that it runs in, and compares what its
 * own filter does with each to what the model says: what comes up, and which
 * times are written. Only the kernel itself makes packets that leave.
 *
 *     port_memory_outgoing.ts SEED INTERFACE
 *
 * @module
 */

import { KernelMemory } from "../../capture/port_memory/kernel_memory.ts";
import { parseAddress } from "../../detect/packet/address.ts";
import type { PortTimes } from "../../detect/probe/port_memory.ts";
import { mapArray } from "../../ffi/bpf_syscall.ts";
import { checked, libc } from "../../ffi/libc.ts";
import {
  AF_PACKET,
  CLOCK_BOOTTIME,
  ETH_P_ALL,
  PACKET_OUTGOING,
  SOCK_DGRAM,
} from "../../ffi/linux.ts";
import { assert, assertEquals } from "../assert.ts";
import { judge, type SeenPacket } from "../capture/port_memory/model.ts";
import {
  hostAddresses,
  OURS,
  randomPacket,
} from "../capture/port_memory/random_packets.ts";
import { concat } from "../packets.ts";
import { seeded } from "../random.ts";

const SOCK_RAW = 3; // sys/socket.h
const MSG_DONTWAIT = 0x40;
const BATCHES = 60;
const BATCH = 50;
const BYTES = { ports: 1 << 21, protocols: 1 << 11, receivers: 1 << 19 };

const [seed, name] = Deno.args;
const random = seeded(Number(seed));
const index = Number(Deno.readTextFileSync(`/sys/class/net/${name}/ifindex`));

function open(type: number): number {
  return checked(libc().socket(AF_PACKET, type, 0), "socket(AF_PACKET)");
}

function bind(socket: number, protocol: number): void {
  const address = new DataView(new ArrayBuffer(20)); // struct sockaddr_ll
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, protocol);
  address.setInt32(4, index, true);
  checked(libc().bind(socket, address.buffer, 20), "bind");
}

function bootSeconds(): number {
  const timespec = new BigInt64Array(2);
  libc().clock_gettime(CLOCK_BOOTTIME, timespec);
  return Number(timespec[0]);
}

const memory = new KernelMemory({ promiscuous: false });
const words = (array: keyof typeof BYTES) =>
  new Uint32Array(
    mapArray(memory.maps[array], BYTES[array], { writable: true }).memory,
  );
const real: PortTimes = {
  ports: words("ports"),
  protocols: words("protocols"),
  receivers: words("receivers"),
};
const clock = new Uint32Array(
  mapArray(memory.maps.clock, 8, { writable: true }).memory,
);
memory.followAddresses(OURS.map((text) => parseAddress(text).words));
const receiver = open(SOCK_DGRAM);
memory.attach(receiver);
bind(receiver, ETH_P_ALL);
const sender = open(SOCK_RAW);
bind(sender, 0);
const room = new Uint8Array(4_096);

/** How many bytes of a packet came up when it left; undefined: it cannot. */
function send({ bytes, etherType }: SeenPacket): number | undefined {
  const head = [...new Array(12).fill(0), etherType >> 8, etherType & 0xff];
  const frame = concat(head, bytes);
  if (libc().send(sender, frame, BigInt(frame.length), 0) < 0) return undefined;
  const length = Number(
    libc().recv(receiver, room, BigInt(room.length), MSG_DONTWAIT),
  );
  return Math.max(0, length);
}

/** Tries some packets; returns whether all of them left within one second. */
function tryBatch(verdicts: Map<number, number>): boolean {
  const begin = bootSeconds();
  clock.fill(0);
  for (const array of [real.ports, real.protocols]) array.fill(0);
  const host = {
    promiscuous: false,
    addresses: hostAddresses(),
    routing: new Set<number>(),
    times: structuredClone(real),
    impostor: 0,
    now: begin,
  };
  const tried: [SeenPacket, number, number][] = [];
  for (let i = 0; i < BATCH; i++) {
    const packet = {
      ...randomPacket(random),
      packetType: PACKET_OUTGOING,
      interface: index,
      ingress: 0,
      isTagged: false,
    };
    const length = send(packet);
    if (length === undefined) continue;
    tried.push([packet, length, judge(packet, host)]);
  }
  if (bootSeconds() !== begin) return false;
  for (const [packet, length, verdict] of tried) {
    const text = JSON.stringify({ ...packet, bytes: packet.bytes.toHex() });
    assertEquals(length, Math.min(verdict, packet.bytes.length), text);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  for (const array of ["ports", "protocols"] as const) {
    const expected = host.times[array];
    const differs = real[array].findIndex((v, i) => v !== expected[i]);
    assertEquals(differs, -1, `${array} differ`);
  }
  return true;
}

const verdicts = new Map<number, number>();
let batches = 0;
for (let i = 0; i < 4 * BATCHES && batches < BATCHES; i++) {
  if (tryBatch(verdicts)) batches++;
}
assertEquals(batches, BATCHES);
for (const verdict of [0, 192]) assert((verdicts.get(verdict) ?? 0) > 100);
console.log([...verdicts].join("; "));
Deno.exit(0);
