// A driver in a process of its own that connects, sends, and comes to its end
// without a goodbye: nothing of a connection may keep it alive.

import process from "node:process";
import { connectDriver, range, sendAll } from "./connection_kit.ts";

const driver = await connectDriver(Number(process.argv[2]));
sendAll(driver.link, range(0, 100), 5_000);
