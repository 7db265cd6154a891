/**
 * The bytes of a capture, whatever they come from: asked for chunk by chunk, and
 * closed when nobody wants more.
 *
 * @module
 */

/** What reads a {@linkcode ByteStream}: the part of the web's reader in use. */
export interface ByteStreamReader {
  /** Gives the next chunk. */
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  /** Ends the stream, a pending read too. */
  cancel(reason?: unknown): Promise<void>;
}

/** A `ReadableStream<Uint8Array>`, as far as it is needed here. */
export interface ByteStream {
  /** Locks the stream for one reader. */
  getReader(): ByteStreamReader;
}

/**
 * Where the bytes of a capture come from: all of them at once, or their chunks in
 * order, which may part anywhere. Streams of the web and of Node will do.
 */
export type ByteSource =
  | Uint8Array
  | Iterable<Uint8Array>
  | AsyncIterable<Uint8Array>
  | ByteStream;

/** The chunks of a source. */
export interface Chunks {
  /** Gives the next chunk; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Says that no more are wanted; a stream ends its pending read, too. */
  close(reason?: unknown): Promise<unknown>;
}

/**
 * Makes ready for reading; nothing is read yet.
 *
 * @throws {TypeError} If it is no source of bytes.
 */
export function openChunks(source: ByteSource): Chunks {
  if (source instanceof Uint8Array) return fromIterator([source].values());
  if (typeof source === "object" && source !== null) {
    if ("getReader" in source) return fromStream(source);
    if (Symbol.asyncIterator in source) {
      return fromIterator(source[Symbol.asyncIterator]());
    }
    if (Symbol.iterator in source) {
      return fromIterator(source[Symbol.iterator]());
    }
  }
  throw new TypeError(
    `Cannot read the source: it must be a Uint8Array, a ReadableStream, or chunks to iterate over, got ${
      describeSource(source)
    }`,
  );
}

function fromStream(stream: ByteStream): Chunks {
  const reader = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      return done ? undefined : checked(value);
    },
    close: (reason) => reader.cancel(reason),
  };
}

function fromIterator(
  iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array>,
): Chunks {
  return {
    async next() {
      const { done, value } = await iterator.next();
      return done ? undefined : checked(value);
    },
    async close() {
      await iterator.return?.();
    },
  };
}

function checked(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError(
    `Cannot read the source: a chunk must be a Uint8Array, got ${
      describeSource(chunk)
    }`,
  );
}

/** What somebody gave instead of bytes: its kind, since it may be long. */
export function describeSource(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value !== "object") return `a ${typeof value}`;
  return Object.prototype.toString.call(value).slice(8, -1);
}
