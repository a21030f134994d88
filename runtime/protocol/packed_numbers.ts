// Lists of numbers as typed arrays: an item on its own costs ten times as much
// to write and to read. Pure; the writer and the reader say where the bytes go.

/** What a list of numbers is written as. */
export type PackedNumbers = Int8Array | Int16Array | Int32Array | Float64Array;

/** Shorter lists are as quick item by item. */
const PACKED_ITEMS_MIN = 16;

/** What a list holds, so that it can be said in one element type. */
type Contents = "other" | "floats" | "int8" | "int16" | "int32";

/** The list's numbers; `undefined` if it holds anything else, or is short. */
export function packNumbers(
  list: readonly unknown[],
): PackedNumbers | undefined {
  if (list.length < PACKED_ITEMS_MIN || typeof list[0] !== "number") return;
  const contents = contentsOf(list);
  if (contents === "other") return;
  const numbers = list as readonly number[];
  switch (contents) {
    case "floats":
      return new Float64Array(numbers);
    case "int8":
      return new Int8Array(numbers);
    case "int16":
      return new Int16Array(numbers);
    case "int32":
      return new Int32Array(numbers);
  }
}

/** The list again; `undefined` if such an array never holds a list. */
export function unpackNumbers(packed: object): number[] | undefined {
  if (packed instanceof Float64Array) return listFloats(packed);
  if (packed instanceof Int8Array) return listInt8(packed);
  if (packed instanceof Int16Array) return listInt16(packed);
  if (packed instanceof Int32Array) return listInt32(packed);
}

function contentsOf(list: readonly unknown[]): Contents {
  let least = 0;
  let most = 0;
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    if (typeof item !== "number") return "other";
    const integer = item | 0;
    if (integer !== item || (integer === 0 && 1 / item < 0)) {
      return areNumbers(list, i + 1) ? "floats" : "other";
    }
    if (integer < least) least = integer;
    else if (integer > most) most = integer;
  }
  if (least >= -0x80 && most < 0x80) return "int8";
  return least >= -0x8000 && most < 0x8000 ? "int16" : "int32";
}

function areNumbers(list: readonly unknown[], start: number): boolean {
  for (let i = start; i < list.length; i++) {
    if (typeof list[i] !== "number") return false;
  }
  return true;
}

// One loop per element type: engines compile each of them for that type. They
// are ten times as fast as `Array.from`.

function listInt8(source: Int8Array): number[] {
  const list = new Array<number>(source.length);
  for (let i = 0; i < source.length; i++) list[i] = source[i]!;
  return list;
}

function listInt16(source: Int16Array): number[] {
  const list = new Array<number>(source.length);
  for (let i = 0; i < source.length; i++) list[i] = source[i]!;
  return list;
}

function listInt32(source: Int32Array): number[] {
  const list = new Array<number>(source.length);
  for (let i = 0; i < source.length; i++) list[i] = source[i]!;
  return list;
}

function listFloats(source: Float64Array): number[] {
  const list = new Array<number>(source.length);
  for (let i = 0; i < source.length; i++) list[i] = source[i]!;
  return list;
}
