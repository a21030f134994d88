// The classes that users registered for serialisation, by class and by name.
// Each code bundle has a scope of its own, because it has its own copies of
// its classes; a scope falls back to its parent. Pure tables, no codec here.

/** A class of the user's, as far as serialisation needs it. */
export type SerializableClass<T extends object = object> =
  & (abstract new (...args: never[]) => T)
  & { readonly prototype: T };

/** How to take an instance apart and put it together again. */
export interface Serializer<T extends object = object, State = unknown> {
  /** The name of the class on the wire; the same wherever it is registered. */
  readonly name: string;
  /** Gives a plain value that says everything about the instance. */
  serialize(instance: T): State;
  /** Makes an instance from what `serialize` gave. */
  deserialize(state: State): T;
}

/** A serialiser and the class it was registered for. */
export interface SerializerEntry {
  readonly name: string;
  readonly prototype: object;
  readonly serialize: (instance: object) => unknown;
  readonly deserialize: (state: unknown) => object;
}

/** Serialisers of one scope, and through it of its parents. */
export class SerializerRegistry {
  readonly #parent: SerializerRegistry | undefined;
  readonly #byPrototype = new Map<object, SerializerEntry>();
  readonly #byName = new Map<string, SerializerEntry>();
  readonly #scopes = new Map<string, SerializerRegistry>();

  constructor(parent?: SerializerRegistry) {
    this.#parent = parent;
  }

  /**
   * Registers a class. Another class under a name that this scope has takes
   * its place; the replaced class can no longer be written.
   */
  register<T extends object, State>(
    registered: SerializableClass<T>,
    serializer: Serializer<T, State>,
  ): void {
    checkRegistration(registered, serializer);
    const prototype: object = registered.prototype;
    const entry: SerializerEntry = {
      name: serializer.name,
      prototype,
      serialize: (instance) => serializer.serialize(instance as T),
      deserialize: (state) => serializer.deserialize(state as State),
    };
    const replaced = this.#byName.get(entry.name);
    if (replaced) this.#byPrototype.delete(replaced.prototype);
    this.#byName.set(entry.name, entry);
    this.#byPrototype.set(prototype, entry);
  }

  /**
   * The serialiser of exactly the class that `prototype` belongs to; of any
   * scope, since a class is in one at most, and its instances go anywhere.
   */
  findByPrototype(prototype: object): SerializerEntry | undefined {
    const entry = this.#byPrototype.get(prototype);
    if (entry) return entry;
    if (this.#parent) return this.#parent.findByPrototype(prototype);
    for (const scope of this.#scopes.values()) {
      const entry = scope.#byPrototype.get(prototype);
      if (entry) return entry;
    }
    return undefined;
  }

  /** The serialiser to read instances with that were written as `name`. */
  findByName(name: string): SerializerEntry | undefined {
    return this.#byName.get(name) ?? this.#parent?.findByName(name);
  }

  /** The scope of that key under this one; the same each time. */
  scope(key: string): SerializerRegistry {
    let scope = this.#scopes.get(key);
    if (!scope) {
      scope = new SerializerRegistry(this);
      this.#scopes.set(key, scope);
    }
    return scope;
  }
}

/** Classes that values keep without a serialiser. */
const SUPPORTED_CLASSES: ReadonlySet<unknown> = new Set([
  Object,
  Array,
  Map,
  Set,
  Date,
  RegExp,
  ArrayBuffer,
  SharedArrayBuffer,
  DataView,
  Boolean,
  Number,
  String,
  BigInt,
  Error,
  AggregateError,
  DOMException,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Float16Array,
  Float32Array,
  Float64Array,
]);

/** Names and functions; anything else is the caller's mistake. */
function checkRegistration(registered: unknown, serializer: unknown): void {
  if (
    typeof registered !== "function" ||
    typeof registered.prototype !== "object" || registered.prototype === null
  ) {
    throw new TypeError(
      `Cannot register a serializer: the first argument must be a class, got ${
        typeOf(registered)
      }`,
    );
  }
  const className = registered.name || "an anonymous class";
  if (SUPPORTED_CLASSES.has(registered)) {
    throw new TypeError(
      `Cannot register a serializer for ${className}: values of this class are serialized as they are; register a class of your own`,
    );
  }
  if (typeof serializer !== "object" || serializer === null) {
    throw new TypeError(
      `Cannot register a serializer for ${className}: the second argument must be { name, serialize, deserialize }, got ${
        typeOf(serializer)
      }`,
    );
  }
  const fields = serializer as Record<string, unknown>;
  if (typeof fields["name"] !== "string" || fields["name"] === "") {
    throw new TypeError(
      `Cannot register a serializer for ${className}: "name" must be a string that is not empty, got ${
        fields["name"] === "" ? "an empty string" : typeOf(fields["name"])
      }`,
    );
  }
  for (const key of ["serialize", "deserialize"]) {
    if (typeof fields[key] !== "function") {
      throw new TypeError(
        `Cannot register a serializer for ${className}: "${key}" must be a function, got ${
          typeOf(fields[key])
        }`,
      );
    }
  }
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value;
}

/** The registry of this thread; each bundle has a scope of it. */
export const THREAD_SERIALIZERS = new SerializerRegistry();
