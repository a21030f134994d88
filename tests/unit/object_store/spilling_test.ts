// What the store's index writes to disk, when, and how it comes back: events
// in, actions out, the books checked after each.

import type { WorkerId } from "../../../runtime/base/ids.ts";
import {
  SPILL_PAUSE_MS,
  SPILL_READ_TRIES_MAX,
  SPILL_RECALL_MS,
  STORE_FULL_MS,
  STORE_GARBAGE_ANSWER_MS,
  STORE_SPILL_POOL_IDLE_MS,
  STORE_STILL_FULL_MS,
} from "../../../runtime/base/limits.ts";
import type {
  StoreAction,
  StoreEvent,
} from "../../../runtime/object_store/index_events.ts";
import { StoreIndex } from "../../../runtime/object_store/store_index.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

const MIB = 1024 * 1024;
const A = "w-a" as WorkerId;
const B = "w-b" as WorkerId;

type Action<T extends StoreAction["type"]> = Extract<StoreAction, { type: T }>;

/** An index that has asked for garbage already; actions pile up in `done`. */
class DrivenIndex {
  readonly index: StoreIndex;
  nowMs = 0;
  readonly done: StoreAction[] = [];
  #requestId = 0;

  constructor(capacityBytes: number, canSpill = true) {
    this.index = new StoreIndex({
      ...{ capacityBytes, canSpill, returnsMemory: true },
      clock: { nowMs: () => this.nowMs },
    });
    this.tell({ type: "worker_started", workerId: A });
    this.tell({ type: "worker_started", workerId: B });
  }

  /** Takes an event in; memory is there, and gone, at once. */
  tell(event: StoreEvent): void {
    const actions = this.index.handle(event);
    this.index.validate();
    this.done.push(...actions);
    for (const { type, ...action } of actions) {
      if (!("segmentId" in action)) continue;
      const { segmentId } = action;
      if (type === "allocate_segment") {
        this.tell({ type: "segment_allocated", segmentId });
      } else if (type === "drop_segment") {
        this.tell({ type: "segment_returned", segmentId });
      }
    }
  }

  create(number: number, sizeBytes: number, requester = B): number {
    const requestId = ++this.#requestId;
    const type = "create_requested";
    this.tell({ type, requester, requestId, owner: A, number, sizeBytes });
    return requestId;
  }

  /** Stores what another node keeps. */
  pull(number: number, sizeBytes = MIB): void {
    const requestId = ++this.#requestId;
    const facts = { requester: B, requestId, owner: A, number, sizeBytes };
    this.tell({ type: "create_requested", ...facts, isCopy: true });
    this.tell({ type: "object_sealed", requester: B, requestId });
  }

  /** Stores an object of A, written by B as the result of a task is. */
  put(number: number, sizeBytes = MIB, requester = B): number {
    const requestId = this.create(number, sizeBytes, requester);
    this.tell({ type: "object_sealed", requester, requestId });
    return requestId;
  }

  open(number: number, requester = B): number {
    const requestId = ++this.#requestId;
    const type = "open_requested";
    this.tell({ type, requester, requestId, owner: A, number });
    return requestId;
  }

  close(requestId: number, requester = B): void {
    this.tell({ type: "mapping_closed", requester, requestId });
  }

  free(number: number): void {
    this.tell({ type: "object_freed", owner: A, number });
  }

  /** Time passes, as much as the threads need to collect their garbage. */
  wait(delayMs = STORE_GARBAGE_ANSWER_MS): void {
    this.nowMs += delayMs;
    this.tell({ type: "clock_ticked" });
  }

  /** All actions of a type so far. */
  all<T extends StoreAction["type"]>(type: T): Action<T>[] {
    return this.done.filter((action) => action.type === type) as Action<T>[];
  }

  /** The disk has written the next pieces of a file. */
  written(fileId: number, count: number): void {
    const checksums = Array.from({ length: count }, (_, at) => at);
    this.tell({ type: "spill_advanced", fileId, checksums });
  }

  /** Everything that was begun is written. */
  writeAll(): void {
    const files = this.all("write_spill_file");
    for (const { fileId, pieces } of files) this.written(fileId, pieces.length);
  }

  states(): string[] {
    return [...this.index.list()].map(({ number, state }) =>
      `${number} ${state}`
    );
  }
}

/** A store of 8 MiB that is full, with a create of 1 MiB that waits. */
function fullIndex(): { node: DrivenIndex; requestId: number } {
  const node = new DrivenIndex(8 * MIB);
  for (let number = 1; number <= 8; number++) node.put(number);
  const requestId = node.create(9, MIB);
  return { node, requestId };
}

describe("Spilling", () => {
  it("looks for garbage first, then writes the coldest objects", () => {
    const { node } = fullIndex();
    assertEquals(node.all("collect_garbage").length, 1);
    assertEquals(node.all("write_spill_file"), []);

    node.wait();
    const [write] = node.all("write_spill_file");
    node.writeAll();

    assertEquals(write?.pieces.map(({ sizeBytes }) => sizeBytes), [MIB, MIB]);
    assertEquals(node.states().slice(0, 3), [
      "1 spilled",
      "2 spilled",
      "3 sealed",
    ]);
    assertEquals(node.states().at(-1), "9 writing");
    assertEquals(node.index.stats().spilledBytes, 2 * MIB);
  });

  it("writes nothing where garbage makes room", () => {
    const { node } = fullIndex();
    node.free(3);
    node.wait();

    assertEquals(node.all("write_spill_file"), []);
    assertEquals(node.states().at(-1), "9 writing");
  });

  it("gives room piece by piece while a file is being written", () => {
    const { node } = fullIndex();
    node.create(10, MIB);
    node.wait();
    node.written(1, 2);
    assertEquals(node.states().slice(-2), ["9 writing", "10 waiting"]);

    node.written(2, 1);

    assertEquals(node.states().at(-1), "10 writing");
    assertEquals(node.states()[3], "4 sealed");
  });

  it("leaves room to read in when the disk is full, and the memory", () => {
    const { node } = fullIndex();
    node.wait();
    node.writeAll();
    for (let number = 10; number <= 20; number++) {
      node.create(number, MIB);
      for (const { fileId } of node.all("write_spill_file")) {
        node.tell({ type: "spill_failed", fileId, reason: "out_of_disk" });
      }
    }
    node.open(1);

    assertEquals(node.states()[0], "1 restoring");
    assertEquals(node.states().at(-1), "20 waiting");
  });

  it("leaves what somebody has mapped", () => {
    const node = new DrivenIndex(8 * MIB);
    for (let number = 1; number <= 8; number++) node.put(number);
    const mapped = [1, 2, 3, 4, 5, 6, 8].map((number) => node.open(number));
    node.create(9, MIB);
    node.wait();
    const [write] = node.all("write_spill_file");
    assertEquals(write?.pieces.length, 1);
    node.writeAll();
    assertEquals(node.states()[6], "7 spilled");

    for (const requestId of mapped) node.close(requestId);
    assertEquals(node.states()[0], "1 sealed");
  });

  it("keeps in memory what is opened while it is being written", () => {
    const { node } = fullIndex();
    node.wait();
    const reader = node.open(1);

    node.writeAll();
    assertEquals(node.states().slice(0, 2), ["1 sealed", "2 spilled"]);
    node.close(reader);
    node.put(10, 2 * MIB);

    // Its bytes are on disk by now: no second write.
    assertEquals(node.states()[0], "1 spilled");
    const written = node.all("write_spill_file").flatMap(({ pieces }) =>
      pieces
    );
    const first = node.all("allocate_segment")[0]!.segmentId;
    const times = written.filter(({ segmentId }) => segmentId === first).length;
    assertEquals(times, 1);
  });

  it("tells the owner before it moves what the owner opens by itself", () => {
    const node = new DrivenIndex(4 * MIB);
    const requestIds = [1, 2, 3, 4].map((number) => node.put(number, MIB, A));
    node.create(9, MIB);
    node.wait();
    assertEquals(node.all("write_spill_file"), []);
    const [recall] = node.all("recall_objects");
    assertEquals(recall?.owner, A);
    assertEquals(recall?.objects[0], [1, requestIds[0]]);

    node.tell({
      type: "objects_recalled",
      owner: A,
      objects: recall!.objects,
    });
    node.writeAll();

    assertEquals(node.states()[0], "1 spilled");
  });

  it("counts on others when an owner does not answer", () => {
    const node = new DrivenIndex(8 * MIB);
    for (let number = 1; number <= 8; number++) node.put(number, MIB, A);
    node.create(9, MIB);
    node.wait();
    node.wait(SPILL_RECALL_MS);

    const asked = node.all("recall_objects").map(({ objects }) => objects[0]);
    assertEquals(asked.length, 2);
    assert(asked[0]![0] !== asked[1]![0]);
  });

  it("waits for an owner's answer, and uses all room meanwhile", () => {
    const node = new DrivenIndex(4 * MIB);
    node.put(1, MIB / 2);
    for (const number of [2, 3, 4]) node.put(number, MIB, A);
    node.create(5, MIB);
    node.wait();
    node.writeAll();
    for (let round = 0; round < 10; round++) node.wait(SPILL_RECALL_MS);

    // All that is left is the owner's, which computes.
    assertEquals(node.states().at(-1), "5 writing");
    node.create(6, MIB);
    for (let waitedMs = 0; waitedMs < 2 * STORE_FULL_MS; waitedMs += 1_000) {
      node.wait(1_000);
    }
    assertEquals(node.all("deny_request"), []);
  });

  it("reads an object back when it is opened, and writes it only once", () => {
    const { node } = fullIndex();
    node.wait();
    node.writeAll();
    const first = node.open(1);
    const second = node.open(1, A);
    const [restore] = node.all("restore_object");
    assertEquals(node.all("restore_object").length, 1);
    assertEquals([restore?.fileId, restore?.offset], [1, 0]);

    node.tell({ type: "object_restored", segmentId: restore!.segmentId });

    const opened = node.all("open_object").map(({ requestId }) => requestId);
    assertEquals(opened, [first, second]);
    assertEquals(node.states()[0], "1 sealed");
    assertEquals(node.index.stats().spilledBytes, 2 * MIB);
  });

  it("tries a read again, and tells the readers in the end", () => {
    const { node } = fullIndex();
    node.wait();
    node.writeAll();
    const requestId = node.open(1);
    for (let tries = 1; tries <= SPILL_READ_TRIES_MAX; tries++) {
      const restores = node.all("restore_object");
      assertEquals(restores.length, tries);
      const { segmentId } = restores.at(-1)!;
      node.tell({ type: "restore_failed", segmentId });
    }

    const [denial] = node.all("deny_request");
    assertEquals([denial?.requestId, denial?.reason], [
      requestId,
      "unreadable",
    ]);
    assertEquals(node.states()[0], "1 spilled");
    // It may have been the disk: who asks later has a new chance.
    node.open(1);
    assertEquals(node.all("restore_object").length, SPILL_READ_TRIES_MAX + 1);
  });

  it("deletes a file with its last object", () => {
    const { node } = fullIndex();
    node.wait();
    node.writeAll();
    node.free(1);
    assertEquals(node.all("delete_spill_file"), []);
    node.free(2);

    assertEquals(node.all("delete_spill_file").length, 1);
    assertEquals(node.index.stats().spilledBytes, 0);
  });

  it("deletes files whose objects are freed while it writes them", () => {
    const { node } = fullIndex();
    node.wait();
    const { usedBytes } = node.index.stats();
    node.free(1);
    node.free(2);
    // The disk reads from these segments yet.
    assertEquals(node.index.stats().usedBytes, usedBytes);
    node.writeAll();

    assertEquals(node.all("delete_spill_file").length, 1);
    assertEquals(node.states().at(-1), "9 writing");
  });

  it("deletes the files of an owner that has ended", () => {
    const { node } = fullIndex();
    node.wait();
    node.writeAll();
    node.open(1);
    node.tell({ type: "worker_ended", workerId: A });

    assertEquals(node.all("delete_spill_file").length, 1);
    assertEquals(node.all("deny_request").at(-1)?.reason, "owner_ended");
  });

  it("pauses after a failed write and tries again", () => {
    const { node } = fullIndex();
    node.wait();
    node.tell({ type: "spill_failed", fileId: 1, reason: "out_of_disk" });
    assertEquals(node.all("write_spill_file").length, 1);
    assertEquals(node.states()[0], "1 sealed");

    node.wait(SPILL_PAUSE_MS);
    node.wait();
    const [, again] = node.all("write_spill_file");
    node.written(again!.fileId, again!.pieces.length);

    assertEquals(node.all("delete_spill_file").map(({ fileId }) => fileId), [
      1,
    ]);
    assertEquals(node.states().at(-1), "9 writing");
  });

  it("keeps what was written before a failure", () => {
    const { node } = fullIndex();
    node.wait();
    node.written(1, 1);
    node.tell({ type: "spill_failed", fileId: 1, reason: "disk_failed" });

    assertEquals(node.states().slice(0, 2), ["1 spilled", "2 sealed"]);
    assertEquals(node.all("delete_spill_file"), []);
  });

  it("denies what waits in vain: the disk is full", () => {
    const { node, requestId } = fullIndex();
    for (let waitedMs = 0; waitedMs < 2 * STORE_FULL_MS; waitedMs += 100) {
      node.wait(100);
      for (const { fileId } of node.all("write_spill_file")) {
        node.tell({ type: "spill_failed", fileId, reason: "out_of_disk" });
      }
    }

    const [denial] = node.all("deny_request");
    assertEquals([denial?.requestId, denial?.reason], [
      requestId,
      "out_of_disk",
    ]);
    assertEquals(node.index.stats().waiting, 0);
  });

  it("denies what waits in vain: all is in use", () => {
    const node = new DrivenIndex(4 * MIB);
    for (let number = 1; number <= 5; number++) node.put(number, MIB);
    node.wait();
    node.writeAll();
    for (const number of [3, 4, 5]) node.open(number);
    node.create(6, MIB);
    const create = node.create(7, MIB);
    const open = node.open(1);
    node.wait(STORE_FULL_MS - 1);
    assertEquals(node.all("deny_request"), []);
    node.wait(1);

    assertEquals(
      node.all("deny_request").map(({ requestId, reason }) =>
        [requestId, reason].join(" ")
      ),
      [`${create} full`, `${open} full`],
    );
    assertEquals(node.states()[0], "1 spilled");
  });

  it("is sooner tired of waiting for a disk that takes nothing", () => {
    const { node } = fullIndex();
    node.wait();
    const fail = () => {
      for (const { fileId } of node.all("write_spill_file")) {
        node.tell({ type: "spill_failed", fileId, reason: "out_of_disk" });
      }
    };
    const denied = () => node.all("deny_request").map(({ reason }) => reason);
    const waitInVain = (totalMs: number) => {
      for (let waitedMs = 0; waitedMs < totalMs; waitedMs += 100) {
        node.wait(100);
        fail();
      }
    };
    fail();
    waitInVain(STORE_FULL_MS + 1_000);
    assertEquals(denied(), ["out_of_disk"]);

    node.create(10, MIB);
    waitInVain(2 * STORE_STILL_FULL_MS);
    assertEquals(denied(), ["out_of_disk", "out_of_disk"]);

    // One that finds room is hope for those behind it.
    node.create(11, MIB);
    node.free(1);
    node.create(12, MIB);
    waitInVain(2 * STORE_STILL_FULL_MS);
    assertEquals(denied(), ["out_of_disk", "out_of_disk"]);
  });

  it("waits for room where it may not write", () => {
    const node = new DrivenIndex(4 * MIB, false);
    for (let number = 1; number <= 5; number++) node.put(number, MIB);
    node.wait();

    assertEquals(node.all("write_spill_file"), []);
    assertEquals(node.states()[4], "5 waiting");
  });

  it("fuses objects, and writes a large one alone", () => {
    const node = new DrivenIndex(1024 * MIB);
    for (let number = 1; number <= 64; number++) node.put(number);
    for (let number = 65; number <= 66; number++) node.put(number, 480 * MIB);
    node.create(100, 480 * MIB);
    node.wait();

    const counts = node.all("write_spill_file").map(({ pieces }) =>
      pieces.length
    );
    assertEquals(counts, [64, 1]);
  });

  it("gives memory back soon after it has spilled", () => {
    const { node, requestId } = fullIndex();
    node.wait();
    node.writeAll();
    node.tell({ type: "object_sealed", requester: B, requestId });
    const before = node.index.stats();
    assert(before.pooledBytes > 0);
    node.wait(STORE_SPILL_POOL_IDLE_MS);

    const { pooledBytes, drainingBytes } = node.index.stats();
    assertEquals([pooledBytes, drainingBytes], [0, 0]);
  });
});

describe("Copies of what other nodes keep", () => {
  it("are dropped at once, the coldest first, and nothing is written", () => {
    const node = new DrivenIndex(8 * MIB);
    for (let number = 1; number <= 4; number++) node.put(number);
    for (let number = 5; number <= 8; number++) node.pull(number);
    node.close(node.open(5));

    node.put(9);

    const dropped = node.all("announce_dropped").map(({ number }) => number);
    assertEquals(dropped, [6]);
    assertEquals(node.all("collect_garbage"), []);
    assertEquals(node.all("write_spill_file"), []);
    assert(!node.index.has(A, 6));
  });

  it("stay while somebody reads them", () => {
    const node = new DrivenIndex(8 * MIB, false);
    for (let number = 1; number <= 8; number++) node.pull(number);
    const opens = Array.from({ length: 7 }, (_, at) => node.open(at + 1));
    node.put(9);
    assertEquals(node.all("announce_dropped").map(({ number }) => number), [8]);

    node.create(10, MIB);
    assertEquals(node.all("announce_dropped").length, 1);
    node.close(opens[2]!);
    const dropped = node.all("announce_dropped").map(({ number }) => number);
    assertEquals(dropped, [8, 3]);
  });

  it("are written once no other node keeps them", () => {
    const node = new DrivenIndex(8 * MIB);
    for (let number = 1; number <= 8; number++) node.pull(number);
    for (let number = 1; number <= 8; number++) {
      node.tell({ type: "copy_kept", owner: A, number });
    }
    node.create(9, MIB);
    node.wait();
    node.writeAll();
    assertEquals(node.all("announce_dropped"), []);
    assertEquals(node.states()[0], "1 spilled");
  });
});
