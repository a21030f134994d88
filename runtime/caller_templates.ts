// The templates of one kind of call, by what its callers pass on: tasks that
// share a thread may each be in another environment or placement group.

import { CALLER_TEMPLATES_MAX } from "./base/limits.ts";
import type { TaskTemplate } from "./owner/task_record.ts";
import type { WireEnvironment, WireStrategy } from "./protocol/messages.ts";

/** What the tasks and actors that somebody starts have from him. */
export interface Inheritance {
  readonly environment: WireEnvironment | undefined;
  /** The placement group that captures what the caller starts. */
  readonly strategy: WireStrategy | undefined;
}

interface Entry extends Inheritance {
  readonly template: TaskTemplate;
}

/** See the head of the file. */
export class CallerTemplates {
  readonly #make: (inheritance: Inheritance) => TaskTemplate;
  readonly #entries: Entry[] = [];
  #last: Entry | undefined;

  constructor(make: (inheritance: Inheritance) => TaskTemplate) {
    this.#make = make;
  }

  /** The template for a caller; both parts are compared by identity. */
  for({ environment, strategy }: Inheritance): TaskTemplate {
    const isWanted = (entry: Entry) =>
      entry.environment === environment && entry.strategy === strategy;
    if (this.#last && isWanted(this.#last)) return this.#last.template;
    let entry = this.#entries.find(isWanted);
    if (!entry) {
      const template = this.#make({ environment, strategy });
      entry = { environment, strategy, template };
      this.#entries.push(entry);
      if (this.#entries.length > CALLER_TEMPLATES_MAX) this.#entries.shift();
    }
    this.#last = entry;
    return entry.template;
  }
}
