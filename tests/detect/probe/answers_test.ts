import { Answers } from "../../../detect/probe/answers.ts";
import { ANSWERED, SEEN, VERIFIED } from "../../../detect/table/records.ts";
import { Segment, type SegmentInit } from "../../../mod.ts";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "../../../library/packet.ts";
import { assertEquals } from "../../assert.ts";
import { amount } from "../../long.ts";
import { DESTINATION, SOURCE, SOURCE_PORT, START } from "../../packets.ts";
import { seeded } from "../../random.ts";

const SEQUENCE = 0xffff_fff0; // greetings wrap it around
const ACKNOWLEDGEMENT = 78;

/** A memory with our SYN|ACK in it. */
function answered(): Answers {
  const answers = new Answers(seeded(1));
  remember(answers);
  return answers;
}

function remember(answers: Answers): void {
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
}

/** A segment of the source's; a RST|ACK if nothing else is said. */
function closing(init: Partial<SegmentInit>): Segment {
  return Segment.from({
    source: SOURCE,
    sourcePort: SOURCE_PORT,
    destination: DESTINATION,
    destinationPort: 22,
    flags: TCP_RST | TCP_ACK,
    time: START,
    ...init,
  });
}

/** How sure a segment of the source's makes it, after our SYN|ACK. */
function standingOf(init: Partial<SegmentInit>): number {
  return answered().standingOf(closing(init));
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

  Deno.test(`${name} with another number does not`, () => {
    for (const bytes of [-1, 1, 41, 1024, 2 ** 31]) {
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

Deno.test("a proof holds for a minute after our SYN|ACK", () => {
  const acknowledgement = acknowledging(0);
  const at = (ms: number) => standingOf({ acknowledgement, time: START + ms });
  assertEquals([at(0), at(60_000)], [VERIFIED, VERIFIED]);
  assertEquals([at(60_001), at(2 ** 31)], [SEEN, SEEN]);
});

Deno.test("two wrong numbers may come before the right one, three not", () => {
  const answers = answered();
  const right = closing({ acknowledgement: acknowledging(0) });
  const wrong = (bytes: number) =>
    answers.standingOf(closing({ acknowledgement: acknowledging(bytes) }));
  assertEquals([wrong(1), wrong(2)], [SEEN, SEEN]);
  assertEquals(answers.standingOf(right), VERIFIED);
  assertEquals([wrong(3), answers.standingOf(right)], [SEEN, SEEN]);
  remember(answers);
  assertEquals(answers.standingOf(right), VERIFIED, "the next SYN|ACK");
});

Deno.test("guessing never verifies", () => {
  const answers = answered();
  const forged = closing({});
  // Drawn numbers might be right: these make the outcome sure.
  for (const bytes of [1, 2, 3]) {
    forged.acknowledgement = acknowledging(bytes) | 0;
    assertEquals(answers.standingOf(forged), SEEN);
  }
  const random = seeded(2);
  let verified = 0;
  for (let i = amount(1_000_000, 20_000_000); i > 0; i--) {
    forged.acknowledgement = random() | 0;
    if (answers.standingOf(forged) !== SEEN) verified++;
  }
  forged.acknowledgement = acknowledging(0) | 0;
  if (answers.standingOf(forged) !== SEEN) verified++;
  assertEquals(verified, 0);
});

Deno.test("who acknowledges our FIN is verified, and nobody by a number between", () => {
  for (const [said, expected] of [[42, VERIFIED], [41, SEEN], [43, SEEN]]) {
    const answers = answered();
    answers.rememberEnd(Segment.from({
      source: DESTINATION,
      sourcePort: 22,
      destination: SOURCE,
      destinationPort: SOURCE_PORT,
      flags: TCP_FIN | TCP_ACK,
      sequence: (SEQUENCE + 42) >>> 0,
      time: START,
    }));
    const flags = TCP_RST | TCP_ACK;
    const acknowledgement = (SEQUENCE + 1 + said) >>> 0;
    assertEquals(
      answers.standingOf(closing({ flags, acknowledgement })),
      expected,
    );
  }
});
