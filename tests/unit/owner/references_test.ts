import type { ObjectKey } from "../../../runtime/protocol/messages.ts";
import { encodeError } from "../../../runtime/protocol/wire_error.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";
import { OTHER, OWNER, OwnerFixture } from "./owner_fixture.ts";

const KEY: ObjectKey = [OTHER, 5];

describe("References", () => {
  it("tells an owner of the first ref to its object and of the last", () => {
    const { references, fixture } = make();

    const first = references.importRef(KEY);
    const second = references.importRef(KEY);
    const begun = fixture.takeSent();
    references.acknowledged(OTHER, { type: "borrowed", numbers: [5] });
    fixture.collect(first);
    const between = fixture.takeSent();
    fixture.collect(second);

    assertEquals(begun, [{ to: OTHER, type: "borrow", numbers: [5] }]);
    assertEquals(between, []);
    assertEquals(fixture.takeSent(), [
      { to: OTHER, type: "borrow_ended", numbers: [5] },
    ]);
  });

  // The race: a ref goes and another comes before the owner has answered for
  // the first. Its answer must not be taken for one to a second borrow.
  it("borrows once when a ref goes and comes before the answer", () => {
    const { references, fixture } = make();

    fixture.collect(references.importRef(KEY));
    const again = references.importRef(KEY);
    const begun = fixture.takeSent();
    references.acknowledged(OTHER, { type: "borrowed", numbers: [5] });
    const between = fixture.takeSent();
    fixture.collect(again);

    assertEquals(begun, [{ to: OTHER, type: "borrow", numbers: [5] }]);
    assertEquals(between, []);
    assertEquals(fixture.takeSent("borrow_ended").length, 1);
  });

  it("ends a borrow that nobody wants any more once it is answered", () => {
    const { references, fixture } = make();

    fixture.collect(references.importRef(KEY));
    fixture.take();
    references.acknowledged(OTHER, { type: "borrowed", numbers: [5] });

    assertEquals(fixture.takeSent(), [
      { to: OTHER, type: "borrow_ended", numbers: [5] },
    ]);
  });

  it("keeps what a ref came in until its owner has answered", () => {
    const { references, fixture } = make();
    const source = references.createHolder([]);
    references.settle(source, { v: 1 });

    references.importRef(KEY, { source });
    source[Symbol.dispose]();
    const before = source.state;
    references.acknowledged(OTHER, { type: "borrowed", numbers: [5] });

    assertEquals(before, "primitive");
    assertEquals(source.state, "gone");
    fixture.take();
  });

  it("asks for a value again for a ref that came after it", () => {
    const { references, fixture } = make();

    const first = references.importRef(KEY);
    references.want(first);
    const value = { v: 8 };
    const message = { type: "object_value", number: 5, value } as const;
    references.valueArrived(OTHER, message);
    fixture.take();
    const second = references.importRef(KEY);
    references.want(second);
    const asked = fixture.takeSent();
    references.valueArrived(OTHER, message);

    assertEquals(asked, [{ to: OTHER, type: "object_wanted", number: 5 }]);
    assertEquals([first.value, second.value], [8, 8]);
  });

  it("gives a borrowed ref up at once when it is disposed of", () => {
    const { references, fixture } = make();

    const ref = references.importRef(KEY);
    references.acknowledged(OTHER, { type: "borrowed", numbers: [5] });
    fixture.take();
    ref[Symbol.dispose]();

    assertEquals(ref.state, "gone");
    assertEquals(fixture.takeSent("borrow_ended").length, 1);
  });

  it("frees a stored object when its last holder lets go", () => {
    const { references, fixture } = make();
    const ref = references.create();
    references.settle(ref, { o: [OWNER, ref.number] });
    references.pin([ref]);
    references.borrowedBy(OTHER, { type: "borrow", numbers: [ref.number] });
    references.unpin([ref]);

    ref[Symbol.dispose]();
    const held = freed(fixture);
    const ended = { type: "borrow_ended", numbers: [ref.number] } as const;
    references.borrowEnded(OTHER, ended);

    assertEquals(held, []);
    assertEquals(freed(fixture), [[OWNER, ref.number]]);
    assertEquals(references.lentCount, 0);
  });

  it("keeps a result for its borrowers when its ref was given up", () => {
    const { references, fixture } = make();
    const ref = references.create();
    references.pin([ref]);
    references.borrowedBy(OTHER, { type: "borrow", numbers: [ref.number] });
    references.unpin([ref]);
    ref[Symbol.dispose]();

    references.settle(ref, { o: [OWNER, ref.number] });

    assertEquals(freed(fixture), []);
    assertEquals(ref.state, "stored");
  });

  it("makes a ref that was given up readable when it comes back", () => {
    const { references } = make();
    const ref = references.create();
    references.settle(ref, { v: 3 });
    references.pin([ref]);
    ref[Symbol.dispose]();

    const again = references.importRef([OWNER, ref.number]);
    references.unpin([ref]);

    assertEquals(again.disposed, false);
    assertEquals(again.value, 3);
  });

  it("frees what a thread borrowed when it is gone", () => {
    const { references, fixture } = make();
    const ref = references.create();
    references.settle(ref, { o: [OWNER, ref.number] });
    references.pin([ref]);
    references.borrowedBy(OTHER, { type: "borrow", numbers: [ref.number] });
    references.unpin([ref]);
    ref[Symbol.dispose]();

    fixture.die(OTHER);

    assertEquals(freed(fixture), [[OWNER, ref.number]]);
  });

  it("fails refs to the objects of a thread that is gone", () => {
    const { references, fixture } = make();
    const pending = references.importRef(KEY);

    fixture.die(OTHER);
    const late = references.importRef([OTHER, 6]);

    const names = [pending, late].map(({ value }) =>
      (value as { name: string }).name
    );
    assertEquals(names, ["OwnerDiedError", "OwnerDiedError"]);
    assertEquals(references.allAcknowledged, true);
  });

  it("tells a borrower the outcome when there is one", () => {
    const { references, fixture } = make();
    const ref = references.create();
    references.pin([ref]);

    references.wanted(OTHER, { type: "object_wanted", number: ref.number });
    const before = fixture.takeSent();
    references.settle(ref, { v: 4 });

    assertEquals(before, []);
    assertEquals(fixture.takeSent(), [{
      to: OTHER,
      type: "object_value",
      number: ref.number,
      value: { v: 4 },
    }]);
  });

  it("tells who asks for what is freed that it is lost", () => {
    const { references, fixture } = make();

    references.wanted(OTHER, { type: "object_wanted", number: 77 });

    const [{ value }] = fixture.takeSent() as unknown as [
      { value: { error: { name: string } } },
    ];
    assertEquals(value.error.name, "ObjectLostError");
  });

  it("holds the refs inside a value for as long as the value", () => {
    const { references, fixture } = make();
    const ref = references.create();
    const p = new Uint8Array(4);

    references.settle(ref, { p, c: [KEY] });
    references.acknowledged(OTHER, { type: "borrowed", numbers: [5] });
    const begun = fixture.takeSent();
    ref[Symbol.dispose]();
    for (const inner of fixture.watched.keys()) fixture.collect(inner);

    assertEquals(begun, [{ to: OTHER, type: "borrow", numbers: [5] }]);
    assertEquals(fixture.takeSent("borrow_ended").length, 1);
  });

  it("reports a failure that nobody has seen when its ref is collected", () => {
    const { references, fixture } = make();
    const unseen = references.create();
    const seen = references.create();
    references.fail(unseen, encodeError(new Error("unseen")));
    references.fail(seen, encodeError(new Error("seen")));
    references.markSeen(seen);

    fixture.collect(unseen);
    fixture.collect(seen);

    assertEquals(fixture.take(), [{ unseen: "unseen" }]);
  });

  it("does not report a stream's failure that its whole has told", () => {
    const { references, fixture } = make();
    const seen = [references.create(), references.create()] as const;
    const unseen = [references.create(), references.create()] as const;
    for (const [whole, last] of [seen, unseen]) {
      whole.seen = true;
      references.failStream(whole, last, encodeError(new Error("dry")));
    }

    references.markSeen(seen[0]);
    for (const ref of [...seen, ...unseen]) fixture.collect(ref);

    assertEquals(fixture.take(), [{ unseen: "dry" }]);
  });

  it("takes over the refs of a value that was stored again", () => {
    const { references, fixture } = make();
    const ref = references.create();
    references.settle(ref, { o: [OWNER, ref.number], c: [[OTHER, 1]] });
    fixture.take();

    const isWanted = references.storedAgain({
      o: [OWNER, ref.number],
      c: [[OTHER, 2]],
    });

    assertEquals(isWanted, true);
    assertEquals(fixture.takeSent("borrow")[0]?.["numbers"], [2]);
    ref[Symbol.dispose]();
    assertEquals(references.storedAgain({ o: [OWNER, ref.number] }), false);
  });
});

function make() {
  const fixture = new OwnerFixture();
  return { fixture, references: fixture.owner.references };
}

function freed(fixture: OwnerFixture): unknown[] {
  return fixture.take().flatMap((deed) => deed["freed"] ? [deed["freed"]] : []);
}
