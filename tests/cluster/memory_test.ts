// A node that is short of memory: what is stopped for it, with which errors,
// and what runs again. What the process may use is set a little above what it
// uses, so that the machine is never filled.

import process from "node:process";
import {
  get,
  init,
  OutOfMemoryError,
  remote,
  shutdown,
} from "../../mod.ts";
import { activeSession } from "../../runtime/api/session_port.ts";
import {
  eventually,
  type Flag,
  newFlag,
  PATIENCE_MS,
} from "../support/cluster.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";

