// What the compile-time tests state facts with. These files are checked by
// the compiler and never run.

/** Whether two types are the same type, not merely assignable. */
export type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends
  (<X>() => X extends B ? 1 : 2) ? true : false;

/** States that `A` is exactly `B`; a difference is a compile error. */
export declare function same<A, B>(
  ...fact: Same<A, B> extends true ? [] : [expected: B, got: A]
): void;

/** States that `value` has exactly the type `T`. */
export declare function hasType<T>(): <V>(
  value: V,
  ...fact: Same<V, T> extends true ? [] : [expected: T]
) => void;
