// What a command throws when the command line is wrong in a way that its parser
// cannot know: it is shown without a stack, and the exit code is 2.

/** The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
