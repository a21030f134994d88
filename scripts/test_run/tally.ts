// How many tests passed, failed and were skipped, also as read from the JUnit
// files that both runtimes write.

/** Counts of tests. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Nothing ran. */
export const NO_TESTS: Tally = { passed: 0, failed: 0, skipped: 0 };

/** Both together. */
export function addTallies(one: Tally, other: Tally): Tally {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}

const TEST_CASE =
  /<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;
const NAME_SEPARATOR = " &gt; ";

/**
 * Counts the test cases of a JUnit file. Deno lists `describe` blocks as cases,
 * too: a case whose name begins another's is one of those and is not counted.
 */
export function readJunit(xml: string): Tally {
  const cases = [...xml.matchAll(TEST_CASE)]
    .map(([, name = "", body = ""]) => ({ name, body }));
  const groups = new Set(cases.flatMap(({ name }) => ancestorsOf(name)));
  return cases
    .filter(({ name, body }) =>
      !groups.has(name) ||
      /<(failure|error)(?![^>]*test steps? failed)/.test(body)
    )
    .map(({ body }) => tallyOf(body))
    .reduce(addTallies, NO_TESTS);
}

function ancestorsOf(name: string): string[] {
  const parts = name.split(NAME_SEPARATOR);
  return parts.slice(1)
    .map((_part, index) => parts.slice(0, index + 1).join(NAME_SEPARATOR));
}

function tallyOf(body: string): Tally {
  if (/<(failure|error)\b/.test(body)) return { ...NO_TESTS, failed: 1 };
  if (/<skipped\b/.test(body)) return { ...NO_TESTS, skipped: 1 };
  return { ...NO_TESTS, passed: 1 };
}
