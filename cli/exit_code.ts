// The exit codes of the command line, for people and scripts: 0 done, 1 the work
// failed, 2 wrong usage.

/** The work was tried and failed. */
export const EXIT_FAILED = 1;
/** The command line was wrong: nothing was tried. */
export const EXIT_USAGE = 2;
