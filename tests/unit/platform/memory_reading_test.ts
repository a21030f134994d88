import { readMemoryUse } from "../../../runtime/platform/memory_reading.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

/** A file system of text files. */
function files(texts: Record<string, string>) {
  return (path: string) => texts[path];
}

const HOST = {
  "/proc/meminfo": "MemTotal: 8192 kB\nMemFree: 1 kB\nMemAvailable: 2048 kB\n",
};
const HOST_USE = { usedBytes: 6_144 * 1024, limitBytes: 8_192 * 1024 };

describe("readMemoryUse", () => {
  it("is the host's without a limit, with what it could free as free", () => {
    assertEquals(readMemoryUse(files(HOST)), HOST_USE);
    const unlimited = files({
      ...HOST,
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": "max\n",
      "/sys/fs/cgroup/memory.current": "900\n",
    });
    assertEquals(readMemoryUse(unlimited), HOST_USE);
  });

  it("is that of the group that is nearest to its limit", () => {
    const read = files({
      ...HOST,
      "/proc/self/cgroup": "0::/pods/one\n",
      "/sys/fs/cgroup/pods/memory.max": "2000\n",
      "/sys/fs/cgroup/pods/memory.current": "1900\n",
      "/sys/fs/cgroup/pods/one/memory.max": "1000\n",
      "/sys/fs/cgroup/pods/one/memory.current": "950\n",
      "/sys/fs/cgroup/pods/one/memory.stat":
        "anon 1\ninactive_file 100\nactive_file 40\n",
    });
    assertEquals(readMemoryUse(read), { usedBytes: 1_900, limitBytes: 2_000 });
  });

  it("reads version 1, where a huge number is no limit", () => {
    const read = (limit: string) =>
      files({
        ...HOST,
        "/proc/self/cgroup": "3:memory:/x\n",
        "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": limit,
        "/sys/fs/cgroup/memory/x/memory.usage_in_bytes": "990\n",
        "/sys/fs/cgroup/memory/x/memory.stat":
          "inactive_file 7\ntotal_inactive_file 90\n",
      });
    const use = { usedBytes: 900, limitBytes: 1_000 };
    assertEquals(readMemoryUse(read("1000\n")), use);
    assertEquals(readMemoryUse(read("9223372036854771712\n")), HOST_USE);
  });

  it("tells something of this machine", () => {
    const { usedBytes, limitBytes } = readMemoryUse();
    assert(usedBytes > 0 && usedBytes < limitBytes);
  });
});
