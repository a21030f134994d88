// Trains one model on several cores: an actor, the parameter server, holds the
// model; tasks compute its gradient, each on its own share of real digits.
// The driver only wires refs together: it submits every round at once, and the
// model never passes through it.
//
//   manta run examples/parameter_server.ts

import { get, type ObjectRef, put, remote } from "manta";
import { type Digits, loadDigits } from "./support/digits.ts";
import {
  accuracyOf,
  descend,
  gradientOf,
  type Model,
  newModel,
} from "./support/softmax.ts";

const WORKERS = 4;
const ROUNDS = 40;
const ROUNDS_PER_REPORT = 8;
const DIGITS = 4_000;

/** Holds the model, and improves it by the gradients of one round. */
class ParameterServer {
  readonly #model = newModel();

  /** Applies gradients, in the order given, and returns the new model. */
  apply(...gradients: Model[]): Model {
    const rate = 1 / Math.max(gradients.length, 1);
    for (const gradient of gradients) descend(this.#model, gradient, rate);
    return this.#model;
  }
}

const Server = remote(ParameterServer);
const gradientTask = remote(gradientOf);
const accuracyTask = remote(accuracyOf);

const training = await put(loadDigits("train", DIGITS));
const heldOut = await put<Digits>(loadDigits("test", 2_000));
const server = Server.remote();

// Each round's gradients wait for the model of the round before it, and the
// server waits for all of them: the refs carry this order.
let model: ObjectRef<Model> = server.apply.remote();
const reports: ObjectRef<number>[] = [accuracyTask.remote(model, heldOut)];
const share = DIGITS / WORKERS;
for (let round = 1; round <= ROUNDS; round++) {
  const gradients = Array.from(
    { length: WORKERS },
    (_, w) => gradientTask.remote(model, training, w * share, (w + 1) * share),
  );
  model = server.apply.remote(...gradients);
  if (round % ROUNDS_PER_REPORT === 0) {
    reports.push(accuracyTask.remote(model, heldOut));
  }
}

for (const [i, report] of reports.entries()) {
  const accuracy = await get(report);
  console.log(
    `round ${i * ROUNDS_PER_REPORT}: ${accuracy.toFixed(4)} held out`,
  );
}
