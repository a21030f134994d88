import { cpuCount, memoryBytes } from "../../../runtime/platform/machine.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

/** A file system of text files. */
function files(texts: Record<string, string>) {
  return (path: string) => texts[path];
}

const UNIFIED = { "/proc/self/cgroup": "0::/pods/one\n" };
const GIB = 1024 ** 3;

describe("cpuCount", () => {
  it("is the host's without a limit", () => {
    assertEquals(cpuCount(8, files({})), 8);
    const read = files({
      ...UNIFIED,
      "/sys/fs/cgroup/cpu.max": "max 100000\n",
    });
    assertEquals(cpuCount(8, read), 8);
  });

  it("is the quota of the group, parts rounded up", () => {
    const read = files({
      ...UNIFIED,
      "/sys/fs/cgroup/pods/one/cpu.max": "150000 100000\n",
    });

    assertEquals(cpuCount(8, read), 2);
  });

  it("is the smallest quota on the way to the root", () => {
    const read = files({
      ...UNIFIED,
      "/sys/fs/cgroup/pods/one/cpu.max": "400000 100000\n",
      "/sys/fs/cgroup/pods/cpu.max": "300000 100000\n",
    });

    assertEquals(cpuCount(8, read), 3);
  });

  it("is one for less than one", () => {
    const read = files({
      ...UNIFIED,
      "/sys/fs/cgroup/cpu.max": "10000 100000\n",
    });

    assertEquals(cpuCount(8, read), 1);
  });

  it("reads version 1, where -1 is no limit", () => {
    const group = { "/proc/self/cgroup": "4:cpu,cpuacct:/x\n3:memory:/x\n" };
    const limits = (quota: string) =>
      files({
        ...group,
        "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": quota,
        "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
      });

    assertEquals(cpuCount(8, limits("200000\n")), 2);
    assertEquals(cpuCount(8, limits("-1\n")), 8);
  });

  it("is at least one on this machine", () => {
    assert(cpuCount() >= 1);
  });
});

describe("memoryBytes", () => {
  it("is the host's without a limit", () => {
    const read = files({ ...UNIFIED, "/sys/fs/cgroup/memory.max": "max\n" });

    assertEquals(memoryBytes(8 * GIB, read), 8 * GIB);
  });

  it("is the group's limit", () => {
    const read = files({
      ...UNIFIED,
      "/sys/fs/cgroup/pods/one/memory.max": `${2 * GIB}\n`,
    });

    assertEquals(memoryBytes(8 * GIB, read), 2 * GIB);
  });

  it("is the host's when version 1 says a huge number", () => {
    const read = files({
      "/proc/self/cgroup": "3:memory:/x\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    });

    assertEquals(memoryBytes(8 * GIB, read), 8 * GIB);
  });
});
