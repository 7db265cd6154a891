/**
 * What was measured, and the bars it is held against.
 *
 * @module
 */

/** One number of one contender: one value a round. */
export interface Figure {
  /** Under which circumstances, such as a trace's family; "" if all are alike. */
  case: string;
  /** What was measured. */
  what: string;
  /** Its unit; "" for a count. */
  unit: string;
  /** Whose it is. */
  contender: string;
  /** The values, one a round. */
  rounds: number[];
}

/** What a figure is held against. */
export interface BarSpec {
  /** The figure's case, what and contender. */
  case: string;
  what: string;
  contender: string;
  /** Another contender that stands for 1 (ratio) or 0 (difference). */
  compared?: { to: string; by: "ratio" | "difference" };
  /** The highest value that meets the bar; this or the next one is there. */
  atMost?: number;
  /** The lowest value that meets the bar. */
  atLeast?: number;
  /** Whether every round must meet it; the median, if left out. */
  inEveryRound?: boolean;
}

/** A bar, and whether it was met. */
export interface Bar extends BarSpec {
  /** The figure's unit; "" for counts and ratios. */
  unit: string;
  /** What was found; missing if a contender was. */
  found?: number;
  /** Whether that meets the bar; missing if nothing was found. */
  met?: boolean;
}

/** Collects the figures of a benchmark. */
export class Figures {
  readonly all: Figure[] = [];

  /** Adds the value of the next round. */
  add(
    { value, ...key }: Omit<Figure, "rounds"> & { value: number },
  ): void {
    const known = this.find(key);
    if (known !== undefined) known.rounds.push(value);
    else this.all.push({ ...key, rounds: [value] });
  }

  /** The figure of a contender, if there is one. */
  find(
    { case: wanted, what, contender }: Pick<
      Figure,
      "case" | "what" | "contender"
    >,
  ): Figure | undefined {
    return this.all.find((figure) =>
      figure.case === wanted && figure.what === what &&
      figure.contender === contender
    );
  }

  /** Holds a figure against a bar. */
  judge(spec: BarSpec): Bar {
    const figure = this.find(spec);
    const values = this.#values(spec, figure);
    const isRatio = spec.compared?.by === "ratio";
    const bar: Bar = { ...spec, unit: isRatio ? "" : figure?.unit ?? "" };
    if (values === undefined) return bar;
    const { atMost = Infinity, atLeast = -Infinity } = spec;
    const found = !spec.inEveryRound
      ? median(values)
      : spec.atMost !== undefined
      ? Math.max(...values)
      : Math.min(...values);
    return { ...bar, found, met: found <= atMost && found >= atLeast };
  }

  /** One value a round; ratios and differences are those of the same round. */
  #values(
    { compared, ...spec }: BarSpec,
    figure: Figure | undefined,
  ): number[] | undefined {
    if (figure === undefined || compared === undefined) return figure?.rounds;
    const other = this.find({ ...spec, contender: compared.to });
    return other === undefined
      ? undefined
      : compare(figure, other, compared.by);
  }
}

/** How far a figure is from another, round by round. */
export function compare(
  figure: Figure,
  other: Figure,
  by: "ratio" | "difference",
): number[] {
  const count = Math.min(figure.rounds.length, other.rounds.length);
  return figure.rounds.slice(0, count).map((value, round) =>
    by === "ratio" ? value / other.rounds[round] : value - other.rounds[round]
  );
}

/** The middle of some numbers: one slow run among them does not count. */
export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/**
 * The number that a share of the numbers do not exceed; between two of them,
 * in proportion.
 *
 * @param share From 0 to 1.
 */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}
