// Stands in for `jsr:@std/testing/bdd` where JSR cannot be reached, on Deno.
// The same names over `node:test`, which both upstream and Deno now recommend.
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

export { after as afterAll, afterEach, before as beforeAll };
export { beforeEach, describe, it };
