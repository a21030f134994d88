// Finds the C library of Linux, whose functions both runtimes can call by their
// names; elsewhere, and where calls are not allowed, nothing opens.

/** Where glibc and musl have it. */
const C_LIBRARIES = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
];

/** The first of the libraries that opens. */
export function openFirst<T>(open: (library: string) => T): T {
  let failure: unknown;
  for (const library of C_LIBRARIES) {
    try {
      return open(library);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** What `open` gives, tried once and when it is first needed; or nothing. */
export function openOnce<T extends object>(
  open: () => T,
): () => T | undefined {
  let opened: T | null | undefined;
  return () => {
    if (opened === undefined) {
      try {
        opened = open();
      } catch {
        opened = null;
      }
    }
    return opened ?? undefined;
  };
}
