// Stands in for `jsr:@std/testing/bdd` under `bun test` (tsconfig.json maps the
// name to this file). Deno must never load it.
export {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "bun:test";
