// Counts the words of real text by map and reduce: one map task for each batch
// of files, which returns one part of its counts for each reducer, then one
// reduce task for each part. The text is what the installed packages tell
// their readers, or the Markdown and text files of the folder given.
//
//   manta run examples/word_count.ts [FOLDER]

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { get, type ObjectRef, remote } from "manta";
import { table } from "./support/table.ts";

const REDUCERS = 4;
const FILES_PER_TASK = 20;

type Counts = Map<string, number>;

/** Counts the words of some files, split by the reducer each word goes to. */
const countWords = remote(
  { numReturns: REDUCERS },
  function countWords(paths: string[]): Counts[] {
    const parts = Array.from({ length: REDUCERS }, (): Counts => new Map());
    for (const path of paths) {
      const text = readFileSync(path, "utf8").replaceAll(/https?:\S+/g, "");
      for (const [word] of text.toLowerCase().matchAll(/\p{Letter}+/gu)) {
        const counts = parts[word.codePointAt(0)! % REDUCERS]!;
        counts.set(word, (counts.get(word) ?? 0) + 1);
      }
    }
    return parts;
  },
);

/** Adds up one part of all map tasks' counts; gives the most frequent. */
const addUp = remote(function addUp(...parts: Counts[]) {
  const sums: Counts = new Map();
  for (const counts of parts) {
    for (const [word, count] of counts) {
      sums.set(word, (sums.get(word) ?? 0) + count);
    }
  }
  const words = sums.values().reduce((sum, count) => sum + count, 0);
  return { words, distinct: sums.size, top: topOf([...sums]) };
});

function topOf(counts: [string, number][]): [string, number][] {
  return counts.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, 10);
}

const folder = process.argv[2] ??
  fileURLToPath(new URL("../node_modules", import.meta.url).href);
const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((path) => /(\.md|\.txt|\bLICENSE)$/i.test(path))
  .map((path) => join(folder, path))
  .sort();

const maps: ObjectRef<Counts>[][] = [];
for (let i = 0; i < paths.length; i += FILES_PER_TASK) {
  maps.push(countWords.remote(paths.slice(i, i + FILES_PER_TASK)));
}
const reduced = await get(
  Array.from(
    { length: REDUCERS },
    (_, part) => addUp.remote(...maps.map((refs) => refs[part]!)),
  ),
);

const words = reduced.reduce((sum, part) => sum + part.words, 0);
const distinct = reduced.reduce((sum, part) => sum + part.distinct, 0);
console.log(`${paths.length} files, ${words} words, ${distinct} distinct\n`);
console.log(table(["word", "times"], topOf(reduced.flatMap((p) => p.top))));
