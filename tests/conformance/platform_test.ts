// The platform suite on the runtime that runs this file.

import { detectPlatform } from "../../runtime/platform/detect.ts";
import { platformSuite } from "./platform_suite.ts";

platformSuite(detectPlatform());
