// Strings out of bytes, fast: short ASCII without the decoder, and the keys
// of objects out of a cache, because the same few come over and over.

import { Buffer } from "node:buffer";

/** Strings up to here are built from their bytes one by one. */
const TINY_TEXT_BYTES = 8;
/** Strings up to here are checked for ASCII, which is quicker to read. */
const SHORT_TEXT_BYTES = 128;
/** Keys up to here are cached. */
const CACHED_KEY_BYTES = 32;
const CACHE_SLOTS = 1_024;
/** Code units per call when a string is built from them. */
const UNITS_PER_CALL = 4_096;

// A decoder that throws is several times slower on Deno; see `decode`.
const looseDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});
const keyCache: string[] = new Array<string>(CACHE_SLOTS).fill("");

/** Reads Latin-1; a method of every runtime's buffers, but not a documented one. */
const latin1Slice = (Buffer.prototype as unknown as {
  latin1Slice?: (this: Uint8Array, start: number, end: number) => string;
}).latin1Slice;

/** Reads UTF-8; throws a TypeError if the bytes are not. */
export function readText(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  const length = end - start;
  if (length <= TINY_TEXT_BYTES) {
    const text = readTinyAscii(bytes, start, end);
    if (text !== undefined) return text;
  } else if (length <= SHORT_TEXT_BYTES && isAscii(bytes, start, end)) {
    if (latin1Slice) return latin1Slice.call(bytes, start, end);
  }
  return decode(bytes.subarray(start, end));
}

function readTinyAscii(
  bytes: Uint8Array,
  start: number,
  end: number,
): string | undefined {
  let text = "";
  for (let i = start; i < end; i++) {
    const unit = bytes[i]!;
    if (unit >= 0x80) return undefined;
    text += String.fromCharCode(unit);
  }
  return text;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let bits = 0;
  for (let i = start; i < end; i++) bits |= bytes[i]!;
  return bits < 0x80;
}

function decode(bytes: Uint8Array): string {
  const text = looseDecoder.decode(bytes);
  // Broken bytes become this character; a real one is rare.
  return text.includes("\ufffd") ? strictDecoder.decode(bytes) : text;
}

/** Reads a key of an object; the same as `readText`, from a cache. */
export function readKey(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length === 0 || length > CACHED_KEY_BYTES) {
    return readText(bytes, start, end);
  }
  const slot = keySlot(bytes, start, end);
  const cached = keyCache[slot]!;
  if (cached.length === length && matches(cached, bytes, start)) return cached;
  const key = readText(bytes, start, end);
  // Only ASCII can match byte by byte. As a property name the string becomes
  // the runtime's one copy of it, which makes it quick to look up.
  if (key.length === length) keyCache[slot] = Object.keys({ [key]: 0 })[0]!;
  return key;
}

/** A slot from a few of the bytes; names often differ at their ends. */
function keySlot(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let hash = length;
  hash = Math.imul(hash, 31) + bytes[start]!;
  hash = Math.imul(hash, 31) + bytes[start + (length >>> 2)]!;
  hash = Math.imul(hash, 31) + bytes[start + (length >>> 1)]!;
  hash = Math.imul(hash, 31) + bytes[end - 1]!;
  return (hash ^ hash >>> 10) & (CACHE_SLOTS - 1);
}

function matches(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}

/** Reads UTF-16 code units, little-endian; the count of bytes is even. */
export function readUtf16(
  bytes: Uint8Array,
  start: number,
  end: number,
): string {
  let text = "";
  const units: number[] = [];
  for (let i = start; i < end; i += 2) {
    units.push(bytes[i]! | bytes[i + 1]! << 8);
    if (units.length === UNITS_PER_CALL) {
      text += String.fromCharCode(...units);
      units.length = 0;
    }
  }
  return text + String.fromCharCode(...units);
}
