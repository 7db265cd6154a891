/** The BPF assembler: what it writes, interpreted, and what it refuses. */

import {
  ALU_AND,
  assemble,
  JUMP_ALWAYS,
  JUMP_ANY_BIT,
  JUMP_AT_LEAST,
  JUMP_EQUAL,
  JUMP_GREATER,
  LD_WORD_ABS,
  RETURN,
  type Statement,
} from "../../ffi/bpf.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { interpret, SOCK_FILTER } from "../bpf.ts";

const LOAD: Statement = { code: LD_WORD_ABS, k: 0 };
/** Does nothing that matters. */
const FILLER: Statement = { code: ALU_AND, k: 0xffff_ffff };

function returning(k: number): Statement {
  return { code: RETURN, k };
}

/** What a program returns for a number. */
function run(program: readonly Statement[], number: number): number {
  return interpret(assemble(program), () => number);
}

/** Around the farthest that a conditional jump reaches, and far beyond. */
const DISTANCES = [0, 1, 100, 252, 253, 254, 255, 256, 257, 258, 511, 3000];

Deno.test("both ways out of a condition lead where they should, however far", () => {
  for (const toTrue of DISTANCES) {
    for (const further of DISTANCES) {
      if (toTrue + further > 4000) continue;
      const program: Statement[] = [
        LOAD,
        { code: JUMP_EQUAL, k: 7, ifTrue: "yes", ifFalse: "no" },
        ...Array(toTrue).fill(FILLER),
        { label: "yes" },
        returning(1),
        ...Array(further).fill(FILLER),
        { label: "no" },
        returning(2),
      ];
      assertEquals([7, 8].map((n) => run(program, n)), [1, 2]);
    }
  }
});

Deno.test("a way that is left out leads to the next instruction", () => {
  for (const distance of DISTANCES) {
    for (const way of ["ifTrue", "ifFalse"] as const) {
      const program: Statement[] = [
        LOAD,
        { code: JUMP_GREATER, k: 10, [way]: "far" },
        returning(1),
        ...Array(distance).fill(FILLER),
        { label: "far" },
        returning(2),
      ];
      const results = [10, 11].map((n) => run(program, n));
      assertEquals(results, way === "ifTrue" ? [1, 2] : [2, 1]);
    }
  }
});

Deno.test("detours that lengthen other jumps are all found", () => {
  // Each jump's target moves away as those behind it need detours.
  for (const count of [120, 250, 256, 300, 600, 1200]) {
    const program: Statement[] = [
      LOAD,
      ...Array.from({ length: count }, (_, k): Statement => ({
        code: JUMP_EQUAL,
        k,
        ifTrue: "found",
      })),
      returning(0),
      ...Array(200).fill(FILLER),
      { label: "found" },
      returning(1),
    ];
    const results = Array.from(
      { length: count + 2 },
      (_, n) => run(program, n),
    );
    assertEquals(results, [...Array(count).fill(1), 0, 0]);
  }
});

Deno.test("every condition is the kernel's", () => {
  const table: [code: number, k: number, holds: number[], fails: number[]][] = [
    [JUMP_EQUAL, 5, [5], [4, 6, 0xffff_ffff]],
    [JUMP_GREATER, 5, [6, 0xffff_ffff], [0, 5]],
    [JUMP_AT_LEAST, 5, [5, 6, 0x8000_0000], [0, 4]],
    [JUMP_ANY_BIT, 6, [2, 4, 0xffff_ffff], [0, 1, 8]],
  ];
  for (const [code, k, holds, fails] of table) {
    const program: Statement[] = [
      LOAD,
      { code, k, ifTrue: "yes" },
      returning(0),
      { label: "yes" },
      returning(1),
    ];
    for (const n of holds) assertEquals(run(program, n), 1, `${code} ${n}`);
    for (const n of fails) assertEquals(run(program, n), 0, `${code} ${n}`);
  }
});

Deno.test("what does not fit is refused", () => {
  const jump: Statement = { code: JUMP_EQUAL, k: 0, ifTrue: "there" };
  const refused: [
    what: string,
    Statement[],
    kind: typeof Error,
    text: string,
  ][] = [
    ["no label", [jump, returning(0)], SyntaxError, "no label"],
    [
      "a jump backwards",
      [{ label: "there" }, LOAD, jump, returning(0)],
      SyntaxError,
      "behind",
    ],
    [
      "a jump to itself",
      [{ label: "there" }, jump, returning(0)],
      SyntaxError,
      "behind",
    ],
    [
      "two labels of a name",
      [jump, { label: "there" }, LOAD, { label: "there" }, returning(0)],
      SyntaxError,
      "twice",
    ],
    [
      "a label at the end",
      [jump, returning(0), { label: "there" }],
      SyntaxError,
      "names the end",
    ],
    ["no end", [LOAD], SyntaxError, "no end"],
    ["nothing", [], SyntaxError, "no end"],
    [
      "a way out of what has no condition",
      [{ ...LOAD, ifTrue: "there" } as Statement, { label: "there" }]
        .concat(returning(0)),
      SyntaxError,
      "no condition",
    ],
    [
      "a distance worked out by hand",
      [{ code: JUMP_ALWAYS, k: 1 }, LOAD, returning(0)],
      SyntaxError,
      "labels",
    ],
    ["a negative operand", [returning(-1)], RangeError, "operand"],
    ["33 bits", [returning(2 ** 32)], RangeError, "operand"],
    ["a fraction", [returning(0.5)], RangeError, "operand"],
    [
      "a code of 17 bits",
      [{ code: 0x10000, k: 0 }, returning(0)],
      RangeError,
      "code",
    ],
    [
      "too long a program",
      [...Array(4096).fill(LOAD), returning(0)],
      RangeError,
      "at most 4096",
    ],
  ];
  for (const [what, program, kind, text] of refused) {
    assertThrows(() => assemble(program), kind, text, what);
  }
  const longest = assemble([...Array(4095).fill(LOAD), returning(0)]);
  assertEquals(longest.length, 4096 * SOCK_FILTER);
});
