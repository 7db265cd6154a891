import { Answers } from "../../detect/answers.ts";
import { ANSWERED, SEEN, VERIFIED } from "../../detect/sources.ts";
import {
  Segment,
  type SegmentInit,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { DESTINATION, SOURCE, SOURCE_PORT, START } from "../packets.ts";
import { seeded } from "../random.ts";

const SEQUENCE = 0xffff_fff0; // greetings wrap it around
const ACKNOWLEDGEMENT = 78;
const LONGEST_GREETING = 1023;

/** How sure a segment of the source's makes it, after our SYN|ACK. */
function standingOf(init: Partial<SegmentInit>): number {
  const answers = new Answers(seeded(1));
  answers.remember(Segment.from({
    source: DESTINATION,
    sourcePort: 22,
    destination: SOURCE,
    destinationPort: SOURCE_PORT,
    flags: TCP_SYN | TCP_ACK,
    sequence: SEQUENCE,
    acknowledgement: ACKNOWLEDGEMENT,
    time: START,
  }));
  return answers.standingOf(Segment.from({
    source: SOURCE,
    sourcePort: SOURCE_PORT,
    destination: DESTINATION,
    destinationPort: 22,
    flags: TCP_RST | TCP_ACK,
    time: START,
    ...init,
  }));
}

/** The number that acknowledges so many bytes after the SYN. */
function acknowledging(bytes: number): number {
  return (SEQUENCE + 1 + bytes) >>> 0;
}

for (const end of [TCP_RST, TCP_FIN]) {
  const name = end === TCP_RST ? "RST" : "FIN";
  const flags = end | TCP_ACK;

  Deno.test(`${name} with the number of our SYN|ACK verifies`, () => {
    const acknowledgement = acknowledging(0);
    assertEquals(standingOf({ flags, acknowledgement }), VERIFIED);
  });

  Deno.test(`${name} after the server's greeting or FIN verifies`, () => {
    for (const bytes of [1, 41, LONGEST_GREETING]) {
      const acknowledgement = acknowledging(bytes);
      assertEquals(
        standingOf({ flags, acknowledgement }),
        VERIFIED,
        `${bytes}`,
      );
    }
  });

  Deno.test(`${name} with another number does not`, () => {
    for (const bytes of [-1, LONGEST_GREETING + 1, 2 ** 31]) {
      const acknowledgement = acknowledging(bytes);
      assertEquals(standingOf({ flags, acknowledgement }), SEEN, `${bytes}`);
    }
  });

  Deno.test(`${name} of another source or connection does not`, () => {
    const acknowledgement = acknowledging(0);
    const others: Partial<SegmentInit>[] = [
      { source: "192.0.2.77" },
      { sourcePort: SOURCE_PORT + 1 },
      { destinationPort: 23 },
    ];
    for (const other of others) {
      assertEquals(standingOf({ flags, acknowledgement, ...other }), SEEN);
    }
  });
}

Deno.test("a bare RST with the right number answers, and proves nothing", () => {
  const flags = TCP_RST;
  assertEquals(standingOf({ flags, sequence: ACKNOWLEDGEMENT }), ANSWERED);
  assertEquals(standingOf({ flags, sequence: ACKNOWLEDGEMENT + 1 }), SEEN);
});

Deno.test("no other segment tells anything", () => {
  const acknowledgement = acknowledging(0);
  assertEquals(standingOf({ flags: TCP_ACK, acknowledgement }), SEEN);
  assertEquals(standingOf({ flags: TCP_SYN, acknowledgement }), SEEN);
});
