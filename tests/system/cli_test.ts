// The binary's command line as a person or a script meets it: what it prints
// where, and with which exit code.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION } from "../../runtime/base/version.ts";
import { runBinary } from "../support/binary.ts";
import {
  afterAll,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";

const folder = mkdtempSync(join(tmpdir(), "manta-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

function script(name: string, ...lines: string[]): string {
  writeFileSync(join(folder, name), lines.join("\n"));
  return name;
}

describe("manta run", () => {
  it("shows the script the arguments that a script expects", async () => {
    const file = script(
      "args.ts",
      "console.log(JSON.stringify(process.argv.slice(1)), import.meta.main);",
    );

    const plain = await runBinary(["run", file, "a", "--b"], folder);
    const escaped = await runBinary(["run", file, "--", "--c", "--"], folder);

    const path = join(folder, file);
    assertEquals(plain.stderr + escaped.stderr, "");
    assertEquals(plain.stdout, `${JSON.stringify([path, "a", "--b"])} true\n`);
    assertEquals(
      escaped.stdout,
      `${JSON.stringify([path, "--c", "--"])} true\n`,
    );
  });

  it("gives the script manta without a package beside it", async () => {
    const file = script(
      "imports.ts",
      'import { remote } from "manta";',
      'import { ActorPool } from "manta/util";',
      "console.log(typeof remote, typeof ActorPool);",
    );

    const outcome = await runBinary(["run", file], folder);

    assertEquals(outcome, {
      exit: 0,
      stdout: "function function\n",
      stderr: "",
    });
  });

  it("knows the aliases of the script's tsconfig.json", async () => {
    const paths = { "@/*": ["./alias_*.ts"] };
    script("tsconfig.json", JSON.stringify({ compilerOptions: { paths } }));
    script("alias_shout.ts", 'export const shout = (s: string) => s + "!";');
    const file = script(
      "aliases.ts",
      'import { get, remote } from "manta";',
      'import { shout } from "@/shout";',
      "const f = remote(function f(s: string) { return shout(s); });",
      'console.log(shout("here"), await get(f.remote("there")));',
    );

    const outcome = await runBinary(["run", join(folder, file)]);

    assertEquals(outcome, { exit: 0, stdout: "here! there!\n", stderr: "" });
  });

  it("exits with 1 and the stack when the script throws", async () => {
    const file = script(
      "throws.ts",
      "interface Gone { readonly whole: string }",
      "",
      "function explode() {",
      '  throw new RangeError("boom", { cause: new Error("spark") });',
      "}",
      "explode();",
    );

    const { exit, stderr } = await runBinary(["run", file], folder);

    assertEquals(exit, 1);
    assertStringIncludes(stderr, "RangeError: boom");
    assertStringIncludes(stderr, "spark");
    assertMatch(stderr, /throws\.ts:4:\d+/);
    assertMatch(stderr, /throws\.ts:6:\d+/);
  });

  it("exits with 1 when the script fails later on", async () => {
    const timer = script(
      "timer.ts",
      'setTimeout(() => { throw new Error("late"); }, 1);',
    );
    const rejection = script(
      "rejection.ts",
      'Promise.reject(new Error("unseen"));',
    );

    const late = await runBinary(["run", timer], folder);
    const unseen = await runBinary(["run", rejection], folder);

    assertEquals([late.exit, unseen.exit], [1, 1]);
    assertStringIncludes(late.stderr, "late");
    assertStringIncludes(unseen.stderr, "unseen");
  });

  it("shows the script's lines for what manta refuses", async () => {
    const lines = [
      'import { get, remote } from "manta";',
      "const square = remote((x: number) => x * x);",
      "function refused() { return get(42 as never); }",
    ];
    const failing = {
      "top.ts": [...lines, "await refused();"],
      "option.ts": [...lines, "square.options({ numCpus: -1 });"],
      "later.ts": [...lines, "setTimeout(() => void refused(), 1);"],
      "thrown.ts": [
        ...lines,
        "setTimeout(() => void square.options({ numCpus: -1 }), 1);",
      ],
    };
    for (const [name, text] of Object.entries(failing)) {
      const file = script(name, text.join("\n"));
      const { exit, stderr } = await runBinary(["run", file], folder);

      assertEquals(exit, 1);
      assertMatch(stderr, new RegExp(`^\\d+ \\| .*\\n`));
      assertMatch(stderr, new RegExp(`at .*${name}:[34]:`));
      assertEquals(/runtime\/|resolveGetOptions/.test(stderr), false, stderr);
    }
  });

  it("leaves uncaught errors to the script where it listens", async () => {
    const heard = script(
      "heard.ts",
      [
        'process.on("uncaughtException", (error, origin) => {',
        "  console.log(origin, String(error));",
        "});",
        'setTimeout(() => { throw new Error("late"); }, 1);',
        'setTimeout(() => void Promise.reject("unseen"), 20);',
        'setTimeout(() => console.log("alive"), 40);',
      ].join("\n"),
    );
    const rejections = script(
      "rejections.ts",
      'process.on("unhandledRejection", (reason) => console.log(reason));\n' +
        'Promise.reject("unseen");',
    );

    const both = await runBinary(["run", heard], folder);
    const one = await runBinary(["run", rejections], folder);

    assertEquals([both.exit, one.exit], [0, 0]);
    assertEquals(
      both.stdout,
      "uncaughtException Error: late\nunhandledRejection unseen\nalive\n",
    );
    assertEquals(one.stdout, "unseen\n");
  });

  it("exits with 1 for a file that does not parse or resolve", async () => {
    const syntax = script("syntax.ts", "const x = ;");
    const missing = script("missing.ts", 'import "./nowhere.ts";');

    const broken = await runBinary(["run", syntax], folder);
    const lost = await runBinary(["run", missing], folder);

    assertEquals([broken.exit, lost.exit], [1, 1]);
    assertMatch(broken.stderr, /syntax\.ts:1/);
    assertStringIncludes(lost.stderr, "./nowhere.ts");
  });

  it("keeps the exit code that the script sets", async () => {
    const file = script("code.ts", "process.exitCode = 3;");

    assertEquals((await runBinary(["run", file], folder)).exit, 3);
  });

  it("exits with 2 when there is no such file", async () => {
    const missing = await runBinary(["run", "nowhere.ts"], folder);
    const directory = await runBinary(["run", "."], folder);
    const nothing = await runBinary(["run"], folder);

    assertEquals([missing.exit, directory.exit, nothing.exit], [2, 2, 2]);
    assertEquals(
      missing.stderr,
      'Cannot run "nowhere.ts": there is no such file\n',
    );
    assertEquals(directory.stderr, 'Cannot run ".": it is not a file\n');
  });
});

describe("manta", () => {
  it("prints its version", async () => {
    for (const word of ["version", "--version"]) {
      const { exit, stdout } = await runBinary([word]);

      assertEquals([exit, stdout], [0, `${VERSION}\n`]);
    }
  });

  it("explains each command", async () => {
    const commands = ["run", "start", "stop", "status", "token", "version"];
    for (const command of [...commands, "microbenchmark", "completion"]) {
      const { exit, stdout } = await runBinary([command, "--help"]);

      assertEquals(exit, 0);
      assertMatch(stdout, new RegExp(`^USAGE\n {2}manta ${command}`));
    }
    const { exit, stdout } = await runBinary(["--help"]);
    assertEquals(exit, 0);
    assertStringIncludes(stdout, "microbenchmark");
  });

  it("exits with 2 for what it does not know, and guesses", async () => {
    const command = await runBinary(["runn"]);
    const flag = await runBinary(["microbenchmark", "--jsn"]);
    const shell = await runBinary(["completion", "cmd"]);
    const pattern = await runBinary(["microbenchmark", "--filter", "["]);

    const outcomes = [command, flag, shell, pattern];
    assertEquals(outcomes.map(({ exit }) => exit), [2, 2, 2, 2]);
    assertStringIncludes(command.stderr, "did you mean `run`?");
    assertStringIncludes(flag.stderr, "did you mean --json?");
    assertStringIncludes(shell.stderr, "bash, zsh, fish");
  });

  it("completes commands, flags and scripts", async () => {
    script("done.ts", "");

    const commands = await runBinary(["__complete", "--", "mic"]);
    const flags = await runBinary([
      "__complete",
      "--",
      "microbenchmark",
      "--q",
    ]);
    const files = await runBinary(["__complete", "--", "run", "don"], folder);

    assertEquals(commands.stdout, "microbenchmark\n");
    assertEquals(flags.stdout, "--quick\n");
    assertEquals(files.stdout, "done.ts\n");
    const options = await runBinary(["__complete", "--", "start", "--o"]);
    const formats = await runBinary(
      ["__complete", "--", "status", "--format", "j"],
    );
    assertEquals(options.stdout, "--object-store-memory\n");
    assertEquals(formats.stdout, "json\n");
  });
});
