// A disk of its own for tests that fill it: small, in memory, and gone at the
// end. Only where this user may mount one.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How often a disk is filled at most before it is left alone. */
const FILLS_MAX = 600;

/** See the head of the file. Dispose of it in the end. */
export class SmallDisk implements Disposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Absent where none can be made. */
  static mount(mib: number): SmallDisk | undefined {
    const path = mkdtempSync(join(tmpdir(), "manta-disk-test-"));
    const words = ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", path];
    if (spawnSync("mount", words).status === 0) return new SmallDisk(path);
    rmSync(path, { recursive: true });
    return undefined;
  }

  /** Whether it takes writes. */
  allowWrites(isAllowed: boolean): void {
    const how = isAllowed ? "remount,rw" : "remount,ro";
    spawnSync("mount", ["-o", how, this.path]);
  }

  /**
   * Something else fills it for so long, again and again. The pauses are as
   * long at most, and uneven: what tries again at times of its own would else
   * meet a full disk each time.
   */
  fillNowAndThen(
    fullMs: number,
    pauseMsMax: number,
  ): Disposable & { count(): number } {
    const log = `${this.path}.log`;
    writeFileSync(log, "");
    const script = `for n in $(seq ${FILLS_MAX}); do
      dd if=/dev/zero of="$1/other" bs=1M 2>/dev/null
      echo >> "$2"
      sleep ${fullMs / 1_000}
      rm "$1/other"
      pause=$((${pauseMsMax / 4} + n * 7919 % ${pauseMsMax * 3 / 4}))
      sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
    done`;
    const child = spawn("sh", ["-c", script, "sh", this.path, log]);
    return {
      count: () => readFileSync(log).length,
      [Symbol.dispose]: () => {
        child.kill();
        rmSync(join(this.path, "other"), { force: true });
        rmSync(log, { force: true });
      },
    };
  }

  [Symbol.dispose](): void {
    spawnSync("umount", ["-l", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}
