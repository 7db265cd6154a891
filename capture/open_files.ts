/**
 * Which capture files there are for the paths of `--read`.
 *
 * @module
 */

import type { PacketKinds } from "../detect/packet/kinds.ts";
import type { Capture } from "./capture.ts";
import {
  FileCapture,
  loadUnpackers,
  type PacketFilter,
  unopenable,
} from "./file.ts";
import { FilesCapture } from "./files.ts";
import { CLASSIC_STEP_MS, SMALL_STEP_MS } from "./savefile/file_clock.ts";
import type { SavefileOptions } from "./savefile/savefile.ts";

/** What is read, and how far. */
export interface FileReading extends Capture {
  /** The files, "-" for standard input. */
  readonly paths: readonly string[];
  /** Bytes in all; undefined if a pipe is among them. */
  readonly size: number | undefined;
  /** Bytes read so far. */
  readonly bytesRead: number;
  /** Whether one is packed, as far as is known before it is read. */
  readonly mayBePacked: boolean;
  /** Packets of interfaces whose link type is not supported, by kind. */
  readonly skipped: PacketKinds;
}

/** EMFILE (asm-generic/errno-base.h), as the runtime writes it. */
const TOO_MANY_FILES = "(os error 24)";

/** How capture files are read. */
export interface ReadingOptions {
  /** Which packets are looked at, as a tcpdump expression [all]. */
  filter?: string;
  /** As the original reads them. */
  classic: boolean;
  /** How late records may be, in milliseconds. */
  lateness: number;
}

/**
 * Opens capture files, and loads what it takes to read them.
 *
 * @param paths Files, directories of files, and "-" for standard input.
 * @throws {Error} If one cannot be opened, if there is none, or if the filter
 * cannot be compiled.
 */
export async function openReading(
  paths: readonly string[],
  { filter, classic, lateness }: ReadingOptions,
): Promise<FileReading> {
  const packetFilter = filter === undefined
    ? undefined
    : await compileFilter(filter);
  const smallStep = classic ? CLASSIC_STEP_MS : SMALL_STEP_MS;
  const pipes = await openPipes(paths);
  const files = openFiles(paths, packetFilter, { smallStep, lateness }, pipes);
  if (files.mayBePacked) await loadUnpackers();
  return files;
}

async function compileFilter(expression: string): Promise<PacketFilter> {
  const { offlineFilter } = await import("./offline_filter.ts");
  return offlineFilter(expression);
}

/** Pipes that are open already, by their names. */
type OpenPipes = ReadonlyMap<string, Deno.FsFile>;

/**
 * Opens the pipes among the paths of `--read`. That takes until somebody opens
 * one for writing, while signals must still be heard.
 *
 * @throws {Error} If one cannot be opened.
 */
async function openPipes(paths: readonly string[]): Promise<OpenPipes> {
  const pipes = new Map<string, Deno.FsFile>();
  for (const path of new Set(paths)) {
    if (path === "-" || !infoOf(path)?.isFifo) continue;
    try {
      pipes.set(path, await Deno.open(path));
    } catch (error) {
      throw unopenable(path, error);
    }
  }
  return pipes;
}

/**
 * Opens capture files, all of them: once privileges are given up, none can be
 * opened any more.
 *
 * @param paths Files, directories of files, and "-" for standard input.
 * @param filter Which packets to hand on; all if left out.
 * @param options How they are read.
 * @param pipes Those of them that are open already.
 * @throws {Error} If one cannot be opened, or there is none.
 */
export function openFiles(
  paths: readonly string[],
  filter?: PacketFilter,
  options?: SavefileOptions,
  pipes?: OpenPipes,
): FileReading {
  if (paths.filter((path) => path === "-").length > 1) {
    throw new Error('--read: "-", the standard input, can be read only once');
  }
  const wanted = [...new Set(paths.flatMap(filesOf))];
  const files: FileCapture[] = [];
  try {
    for (const path of wanted) {
      files.push(new FileCapture(path, filter, options, pipes?.get(path)));
    }
  } catch (error) {
    for (const file of files) file.close();
    if (!isOutOfDescriptors(error)) throw error;
    throw new Error(
      `--read: of ${wanted.length} files only ${files.length} can be open at once; raise the limit with "ulimit -n ${
        wanted.length + SPARE_DESCRIPTORS
      }", or merge files`,
    );
  }
  return files.length === 1 ? files[0] : new FilesCapture(files);
}

/** What the runtime and the other options take, generously. */
const SPARE_DESCRIPTORS = 100;

function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && error.message.includes(TOO_MANY_FILES);
}

/** A directory's files, in order of their names; hidden ones do not count. */
function filesOf(path: string): string[] {
  if (path === "-" || !isDirectory(path)) return [path];
  const files = namesIn(path)
    .filter((name) => !name.startsWith("."))
    .sort()
    .map((name) => `${path.replace(/\/+$/, "")}/${name}`)
    .filter(isFile);
  if (files.length > 0) return files;
  throw new Error(
    `--read: there is no file in the directory "${path}"; name another one`,
  );
}

function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    throw new Error(
      `--read: cannot list the directory "${path}": ${
        (error as Error).message
      }`,
    );
  }
}

function isDirectory(path: string): boolean {
  return infoOf(path)?.isDirectory ?? false;
}

function isFile(path: string): boolean {
  return infoOf(path)?.isFile ?? false;
}

/** Undefined if there is nothing to be seen: opening it will say why. */
function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
