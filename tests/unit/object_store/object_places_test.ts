import type { NodeId } from "../../../runtime/base/ids.ts";
import {
  OBJECT_ANNOUNCED_MS,
  OBJECT_FREED_KEPT_MS,
} from "../../../runtime/base/limits.ts";
import {
  ObjectPlaces,
  type PlacesAction,
} from "../../../runtime/object_store/object_places.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { testWorkerId } from "../../support/store_kit.ts";

const OWNER = testWorkerId("owner");
const HOME = "n-home" as NodeId;

/** The books of a home, told in few words. */
class DrivenPlaces {
  nowMs = 0;
  readonly places = new ObjectPlaces({
    nodeId: HOME,
    clock: { nowMs: () => this.nowMs },
  });

  sealed(name: string, number = 1, isCopy = false): PlacesAction[] {
    const type = "sealed_at";
    const nodeId = `n-${name}` as NodeId;
    const object = { owner: OWNER, number, sizeBytes: 9, isCopy };
    return this.places.handle({ type, nodeId, ...object });
  }

  /** It was pulled, and may be dropped. */
  pulled(name: string): PlacesAction[] {
    this.asked(name);
    return this.sealed(name, 1, true);
  }

  nodes(staying: readonly string[], leaving: readonly string[]) {
    const idsOf = (names: readonly string[]) =>
      names.map((name) => `n-${name}` as NodeId);
    const type = "nodes_changed";
    return this.places
      .handle({ type, staying: idsOf(staying), leaving: idsOf(leaving) });
  }

  /** Who is told to pull from where. */
  asked(name: string, except: readonly string[] = []): string[] {
    return answers(this.places.handle({
      ...{ type: "locate_asked", owner: OWNER, number: 1 } as const,
      by: `n-${name}` as NodeId,
      except: except.map((each) => `n-${each}` as NodeId),
    }));
  }

  gone(name: string, by: string): PlacesAction[] {
    const [nodeId, from] = [`n-${name}` as NodeId, `n-${by}` as NodeId];
    const type = "gone_at";
    return this.places
      .handle({ type, nodeId, by: from, owner: OWNER, number: 1 });
  }

  freed(number = 1): string[] {
    return frees(this.places.handle({ type: "freed", owner: OWNER, number }));
  }

  nodeGone(name: string): PlacesAction[] {
    return this.places
      .handle({ type: "node_gone", nodeId: `n-${name}` as NodeId });
  }

  tick(byMs: number): string[] {
    this.nowMs += byMs;
    return answers(this.places.handle({ type: "clock_ticked" }));
  }
}

function answers(actions: readonly PlacesAction[]): string[] {
  return actions.flatMap((action) => {
    if (action.type !== "answer") return [];
    const { to, source, isLost } = action;
    const what = source?.slice(2) ?? (isLost ? "lost" : "none");
    return [`${to.slice(2)} < ${what}`];
  });
}

function frees(actions: readonly PlacesAction[]): string[] {
  return actions.flatMap((action) =>
    action.type === "free_at" ? [action.nodeId.slice(2)] : []
  );
}

function keeps(actions: readonly PlacesAction[]): string[] {
  return actions.flatMap((action) =>
    action.type === "keep_at" ? [action.nodeId.slice(2)] : []
  );
}

function lost(actions: readonly PlacesAction[]): number[] {
  return actions.flatMap((action) =>
    action.type === "objects_lost" ? action.numbers : []
  );
}

describe("ObjectPlaces readers", () => {
  it("answers once the object is somewhere", () => {
    const home = new DrivenPlaces();
    assertEquals(home.asked("b"), []);
    assert(home.places.isWaiting);
    assertEquals(answers(home.sealed("a")), ["b < a"]);
    assert(!home.places.isWaiting);
  });

  it("says that there is none when nobody has announced it for long", () => {
    const home = new DrivenPlaces();
    home.asked("b");
    assertEquals(home.tick(OBJECT_ANNOUNCED_MS - 1), []);
    assertEquals(home.tick(1), ["b < none"]);
    assertEquals(home.places.size, 0);
  });

  it("makes a tree of a broadcast", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    assertEquals(home.asked("b"), ["b < a"]);
    assertEquals(home.asked("c"), ["c < a"]);
    for (const name of ["d", "e", "f", "g"]) {
      assertEquals(home.asked(name), []);
    }
    // The first one has served its part while another is about to have it.
    assertEquals(answers(home.sealed("b")), ["d < b", "e < b"]);
    assertEquals(answers(home.sealed("c")), ["f < c", "g < c"]);
  });

  it("has the first one serve again when nobody else can", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    home.asked("b");
    home.asked("c");
    home.sealed("b");
    home.sealed("c");
    home.nodeGone("b");
    home.nodeGone("c");
    assertEquals(home.asked("d"), ["d < a"]);
  });

  it("avoids a source that has failed, if there is another", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    assertEquals(home.asked("b", ["a"]), ["b < a"]);
    home.sealed("c");
    assertEquals(home.asked("b", ["a"]), ["b < c"]);
  });

  it("gives the turn of a pull that was given up to the next", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    for (const name of ["b", "c", "d"]) home.asked(name);
    assertEquals(answers(home.gone("b", "b")), ["d < a"]);
  });

  it("gives the turns of a node that cannot be heard to others", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    for (const name of ["b", "c", "d"]) home.asked(name);
    const nodeId = "n-b" as NodeId;
    const actions = home.places.handle({ type: "node_unlinked", nodeId });
    assertEquals(answers(actions), ["d < a"]);
  });
});

describe("ObjectPlaces ends", () => {
  it("frees at all who have it, pull it or wait for it", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    for (const name of ["b", "c", "d"]) home.asked(name);
    assertEquals(home.freed(), ["a", "b", "c", "d"]);
    assertEquals(home.places.size, 0);
  });

  it("frees what is announced after it was freed", () => {
    const home = new DrivenPlaces();
    assertEquals(home.freed(), []);
    home.nowMs += OBJECT_FREED_KEPT_MS;
    home.freed(2);
    assertEquals(frees(home.sealed("a")), ["a"]);
    assertEquals(home.asked("b"), ["b < none"]);
    assertEquals(home.places.size, 0);
  });

  it("frees everything of an owner that has ended", () => {
    const home = new DrivenPlaces();
    home.sealed("a", 1);
    home.sealed("b", 2);
    const actions = home.places.handle({ type: "owner_ended", owner: OWNER });
    assertEquals(frees(actions), ["a", "b"]);
    assertEquals(home.places.size, 0);
  });

  it("tells what is lost with a node, and who asks for it", () => {
    const home = new DrivenPlaces();
    for (const number of [1, 2, 3]) home.sealed("a", number);
    home.sealed("b", 2);
    home.asked("c");
    assertEquals(lost(home.nodeGone("a")), [1, 3]);
    assertEquals(home.asked("c"), ["c < lost"]);
    assertEquals(home.freed(), []);
    assertEquals(home.freed(2), ["b"]);
    home.freed(3);
    assertEquals(home.places.size, 0);
  });

  it("holds an object for lost that its only source has not got", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    home.asked("b");
    assertEquals(lost(home.gone("a", "b")), [1]);
    // Whatever is left of it there is freed with the object.
    assertEquals(home.freed(), ["a"]);
  });
});

describe("ObjectPlaces keepers", () => {
  it("names a copy when the node that kept the object is dead", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    assertEquals(keeps(home.pulled("b")), []);
    assertEquals(keeps(home.pulled("c")), []);

    assertEquals(keeps(home.nodeGone("a")), ["b"]);
    assertEquals(keeps(home.sealed("b")), []);
    assertEquals(keeps(home.gone("c", "c")), []);
  });

  it("names the next one when the first has dropped its copy", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    home.pulled("b");
    home.pulled("c");
    home.nodeGone("a");

    const actions = home.gone("b", "b");

    assertEquals(keeps(actions), ["c"]);
    assertEquals(lost(actions), []);
    assertEquals(lost(home.gone("c", "c")), [1]);
  });

  it("asks again when the answer may not have arrived", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    home.pulled("b");
    home.nodeGone("a");
    const nodeId = "n-b" as NodeId;
    const unlinked = home.places.handle({ type: "node_unlinked", nodeId });
    assertEquals(keeps(unlinked), ["b"]);
    // What it said before it was asked.
    assertEquals(keeps(home.sealed("b", 1, true)), ["b"]);
    assertEquals(keeps(home.sealed("b")), []);
  });

  it("moves what a node that leaves has kept, and frees it there", () => {
    const home = new DrivenPlaces();
    home.sealed("a", 1);
    home.sealed("a", 2);
    home.sealed("b", 3);

    assertEquals(keeps(home.nodes(["home", "b"], ["a"])), ["home", "b"]);
    assertEquals(home.asked("home"), ["home < a"]);

    assertEquals(frees(home.sealed("home", 1)), ["a"]);
    assertEquals(frees(home.sealed("b", 2)), ["a"]);
    assertEquals(lost(home.nodeGone("a")), []);
  });

  it("tries each node once to move an object", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    const first = keeps(home.nodes(["home", "b"], ["a"]));
    const second = keeps(home.gone(first[0]!, first[0]!));
    assertEquals([...first, ...second], ["home", "b"]);
    assertEquals(keeps(home.gone("b", "b")), []);
    assertEquals(lost(home.nodeGone("a")), [1]);
  });

  it("moves what is written at a node while it leaves", () => {
    const home = new DrivenPlaces();
    home.nodes(["home"], ["a"]);
    assertEquals(keeps(home.sealed("a")), ["home"]);
  });

  it("moves nothing of owners that leave themselves", () => {
    const home = new DrivenPlaces();
    home.sealed("a");
    assertEquals(keeps(home.nodes(["b"], ["a", "home"])), []);
  });
});
