// Random values of every kind that the value codec carries, from a seed, and
// the hooks that the codec's tests use.

import { SerializerRegistry } from "../../../runtime/protocol/serializers.ts";
import {
  decodeValue,
  encodeValue,
  toPayload,
  type ValueHooks,
} from "../../../runtime/protocol/value_codec.ts";

/** Hooks without session objects or registered classes. */
export function plainHooks(): ValueHooks {
  return {
    replace: () => undefined,
    revive: (kind) => {
      throw new Error(`No session object of kind ${kind} is expected`);
    },
    serializers: new SerializerRegistry(),
  };
}

/** Encodes and decodes a value. */
export function roundTrip<T>(value: T, hooks = plainHooks()): T {
  const payload = toPayload(encodeValue(value, "value", hooks));
  return decodeValue(payload, hooks, { share: false }) as T;
}

/** Numbers from 0 to 1 that depend on the seed alone. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed = (mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 0x1_0000_0000;
  };
}

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  -24,
  -25,
  -256,
  -257,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  0.1,
  0.5,
  -1.5,
  1e300,
  5e-324,
  NaN,
  Infinity,
  -Infinity,
];

const STRINGS = [
  "",
  "a",
  "hello",
  "x".repeat(23),
  "x".repeat(24),
  "x".repeat(47),
  "x".repeat(49),
  "x".repeat(300),
  "é",
  "日本語",
  "😀 and 🎉",
  "\ufeffbom",
  "\ufffd",
  "\u0000",
  "\ud800",
  "a\udc00b",
  "é".repeat(200),
  "__proto__",
  "constructor",
];

/** A random value; objects may be shared and may refer back to themselves. */
export function randomValue(random: () => number, levels = 4): unknown {
  return new ValueSource(random).value(levels);
}

class ValueSource {
  readonly #random: () => number;
  readonly #made: object[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  value(levels: number): unknown {
    if (levels === 0 || this.#random() < 0.3) return this.#primitive();
    const made = this.#made;
    if (made.length > 0 && this.#random() < 0.1) {
      return made[this.#below(made.length)];
    }
    return this.#random() < 0.3 ? this.#leaf() : this.#container(levels - 1);
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #keep<T extends object>(object: T): T {
    this.#made.push(object);
    return object;
  }

  #string(): string {
    return STRINGS[this.#below(STRINGS.length)]!;
  }

  #primitive(): unknown {
    switch (this.#below(8)) {
      case 0:
        return null;
      case 1:
        return undefined;
      case 2:
        return this.#random() < 0.5;
      case 3:
        return BigInt(Math.floor((this.#random() - 0.5) * 2 ** 53)) **
          BigInt(this.#below(6));
      case 4:
      case 5:
        return this.#string();
      case 6:
        return Math.floor((this.#random() - 0.5) * 1e6);
      default:
        return NUMBERS[this.#below(NUMBERS.length)];
    }
  }

  #leaf(): object {
    const bytes = new Uint8Array(this.#below(40) * 8);
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#below(256);
    switch (this.#below(10)) {
      case 0:
        return this.#keep(new Date(this.#below(2 ** 40)));
      case 1:
        return this.#keep(/a+(?<name>b)/giu);
      case 2:
        return this.#keep(bytes);
      case 3:
        return this.#keep(new Int16Array(bytes.buffer));
      case 4:
        return this.#keep(new BigInt64Array(bytes.buffer));
      case 5:
        return this.#keep(bytes.buffer);
      case 6:
        return this.#keep(new DataView(bytes.buffer));
      case 7:
        return this.#keep(Object(this.#string()));
      case 8:
        return this.#keep(new Int32Array(this.#below(1_000)).fill(7));
      default:
        return this.#keep(new Uint32Array(bytes.buffer));
    }
  }

  #container(levels: number): object {
    const count = this.#below(6);
    switch (this.#below(6)) {
      case 0: {
        const array: unknown[] = this.#keep([]);
        for (let i = 0; i < count; i++) array.push(this.value(levels));
        if (this.#random() < 0.2) array.length += this.#below(100);
        return array;
      }
      case 1: {
        const map = this.#keep(new Map<unknown, unknown>());
        for (let i = 0; i < count; i++) {
          map.set(this.value(levels), this.value(levels));
        }
        return map;
      }
      case 2: {
        const set = this.#keep(new Set<unknown>());
        for (let i = 0; i < count; i++) set.add(this.value(levels));
        return set;
      }
      case 3: {
        const error = this.#keep(new TypeError(this.#string()));
        if (count > 2) {
          const value = this.value(levels);
          Object.defineProperty(error, "cause", { value, writable: true });
        }
        return error;
      }
      default: {
        const object: Record<string, unknown> = this.#keep({});
        for (let i = 0; i < count; i++) {
          const key = this.#string();
          Object.defineProperty(object, key, {
            value: this.value(levels),
            enumerable: true,
            configurable: true,
            writable: true,
          });
        }
        return object;
      }
    }
  }
}
