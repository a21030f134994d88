// How the binary is told to be a child process: apart, as its entry reads this
// before anything else.

/** The first word after the binary's name that makes it a child. */
export const CHILD_WORD = "__child";
