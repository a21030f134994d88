// Takes the place of cbor-x's native addon, which breaks both runtimes. It must
// throw: an empty module would count as a working extractor.
throw new Error("cbor-extract is left out on purpose");
