import {
  emptyPortTimes,
  MEMORY_LOOPBACK,
  MEMORY_TCP,
  MEMORY_UDP,
  PortMemory,
  PROTOCOL_IN_USE,
  TCP_IN_USE,
  TRANSLATED,
  UDP_IN_USE,
} from "../../../detect/probe/port_memory.ts";
import { assert, assertEquals } from "../../assert.ts";

/** When the tests begin, in seconds since boot. */
const NOW = 5_000;

Deno.test("ports are in use for a time after the host has sent from them", () => {
  for (
    const [row, span] of [[MEMORY_TCP, TCP_IN_USE], [MEMORY_UDP, UDP_IN_USE]]
  ) {
    for (const port of [0, 53, 65_535]) {
      const memory = new PortMemory();
      assert(!memory.isInUse(row, port, NOW * 1000));
      memory.noteSent(row, port, NOW * 1000 + 999);
      assert(memory.isInUse(row, port, (NOW + span) * 1000 + 999));
      assert(!memory.isInUse(row, port, (NOW + span + 1) * 1000));
      assert(!memory.isInUse(row + MEMORY_LOOPBACK, port, NOW * 1000));
      assert(!memory.isInUse(1 - row, port, NOW * 1000));
      assert(!memory.isInUse(row, port ^ 1, NOW * 1000));
    }
  }
});

Deno.test("only what opens a port makes it one that has opened", () => {
  const memory = new PortMemory();
  memory.noteSent(MEMORY_TCP, 22, NOW * 1000);
  assert(!memory.wasOpened(MEMORY_TCP, 22, NOW * 1000, 60_000));
  memory.noteOpened(MEMORY_TCP, 22, NOW * 1000);
  assert(memory.wasOpened(MEMORY_TCP, 22, (NOW + 60) * 1000, 60_000));
  assert(!memory.wasOpened(MEMORY_TCP, 22, (NOW + 61) * 1000, 60_000));
  assert(memory.isInUse(MEMORY_TCP, 22, NOW * 1000));
});

Deno.test("protocols are kept apart on the loopback interface", () => {
  const memory = new PortMemory();
  memory.noteProtocol(47, true, NOW * 1000);
  assert(memory.isProtocolInUse(47, true, NOW * 1000));
  assert(!memory.isProtocolInUse(47, false, NOW * 1000));
  const late = (NOW + PROTOCOL_IN_USE + 1) * 1000;
  assert(!memory.isProtocolInUse(47, true, late));
});

Deno.test("what was sent in the first second was sent", () => {
  const memory = new PortMemory();
  memory.noteSent(MEMORY_UDP, 53, 10);
  assert(memory.isInUse(MEMORY_UDP, 53, 20));
});

Deno.test("sockets that only receive make UDP ports in use, nothing else", () => {
  const times = emptyPortTimes();
  const memory = new PortMemory(times);
  times.receivers[2 * 514] = 1;
  times.receivers[2 * 8125] = 2;
  const isInUse = (row: number, port: number) => memory.isInUse(row, port, 0);
  assert(isInUse(MEMORY_UDP, 514));
  assert(!isInUse(MEMORY_UDP + MEMORY_LOOPBACK, 514));
  assert(!isInUse(MEMORY_TCP, 514));
  assert(!isInUse(MEMORY_UDP, 8125));
  assert(isInUse(MEMORY_UDP + MEMORY_LOOPBACK, 8125));
});

Deno.test("what is sent in another's place is in use, but no service", () => {
  const times = emptyPortTimes();
  const memory = new PortMemory(times);
  times.ports[2 * (MEMORY_TCP * 65_536 + 1_500)] = NOW + TRANSLATED;
  assert(memory.isInUse(MEMORY_TCP, 1_500, NOW * 1000));
  assert(!memory.isInUse(MEMORY_TCP, 1_500, (NOW + TCP_IN_USE + 1) * 1000));
  assert(!memory.wasSent(MEMORY_TCP, 1_500, NOW * 1000, 60_000));
  times.ports[2 * (MEMORY_TCP * 65_536 + 1_500)] = NOW;
  assert(memory.wasSent(MEMORY_TCP, 1_500, NOW * 1000, 60_000));
});

Deno.test("times that the kernel writes are read alone", () => {
  const times = emptyPortTimes();
  const memory = new PortMemory(times);
  memory.noteSent(MEMORY_TCP, 22, NOW * 1000);
  memory.noteOpened(MEMORY_TCP, 22, NOW * 1000);
  memory.noteProtocol(47, false, NOW * 1000);
  assertEquals(times, emptyPortTimes());
  assert(memory.isKernel);
  times.ports[2 * (MEMORY_UDP * 65_536 + 53)] = NOW;
  assert(memory.isInUse(MEMORY_UDP, 53, NOW * 1000));
});
