/**
 * All sinks together.
 *
 * @module
 */

import type { ProbeRecord } from "../detect/report/probe_record.ts";
import type { Report } from "../detect/report/report.ts";
import type { Sink } from "../format/sink/sink.ts";

/** A sink, and how a report is written there. */
export interface Output {
  sink: Sink;
  /** Gives the lines of a report, if it is to be written there. */
  format(report: Report): readonly string[];
  /** Gives the line of a probe, where probes are written. */
  formatProbe?(record: ProbeRecord): string;
  /** What is written once all reports are. */
  rest?(): readonly string[];
}

/** What the sandbox must leave to the sinks. */
export interface SinkNeeds {
  /** Directories between which one changes to connect again. */
  directories: readonly number[];
  /** Files whose length changes. */
  rewritten: readonly number[];
  /** Whether one connects to streams. */
  streams: boolean;
}

/** All sinks. */
export class Outputs {
  /** The sinks, each once. */
  readonly sinks: readonly Sink[];
  /** What stands in for a sink that is missing, in words. */
  readonly standIns: readonly string[];
  readonly #outputs: readonly Output[];

  constructor(outputs: readonly Output[], standIns: readonly string[]) {
    this.#outputs = outputs;
    this.sinks = [...new Set(outputs.map(({ sink }) => sink))];
    this.standIns = standIns;
  }

  /** Writes a report to each sink. */
  write(report: Report): void {
    for (const { sink, format } of this.#outputs) {
      for (const line of format(report)) sink.write(line);
    }
  }

  /** Whether any sink takes probes. */
  get takeProbes(): boolean {
    return this.#outputs.some(({ formatProbe }) => formatProbe !== undefined);
  }

  /** Writes a probe to each sink that takes them. */
  writeProbe(record: ProbeRecord): void {
    for (const { sink, formatProbe } of this.#outputs) {
      if (formatProbe !== undefined) sink.write(formatProbe(record));
    }
  }

  /** Writes what the program says of itself to each sink that has a place. */
  note(text: string): void {
    for (const sink of this.sinks) sink.note?.(text);
  }

  /** Called once behind chroot; returns what the sinks go on using. */
  settle(): SinkNeeds {
    for (const sink of this.sinks) sink.settle?.();
    return {
      directories: this.sinks.flatMap(({ directories }) => directories ?? []),
      rewritten: this.sinks.flatMap(({ rewritten }) => rewritten ?? []),
      streams: this.sinks.some(({ isStream }) => isStream ?? false),
    };
  }

  /** Reopens what may have been replaced. */
  reopen(): void {
    for (const sink of this.sinks) sink.reopen?.();
  }

  /** Writes what comes last; resolves once all that can be written is written. */
  async finish(): Promise<void> {
    for (const { sink, rest } of this.#outputs) {
      for (const line of rest?.() ?? []) sink.write(line);
    }
    await Promise.all(this.sinks.map((sink) => sink.flush()));
  }
}
