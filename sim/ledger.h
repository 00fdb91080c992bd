/* The story "ledger": the smallest server that promises what a broker promises.
 *
 * A server keeps a file of blocks, one for each number that it was given, and answers a number when
 * its block is on disk. A client sends 1, 2, 3, ... over one connection after the other and repeats
 * what was not answered. The server is killed, loses power and gets errors from its disk; links
 * break. In the end everything that was answered must be there, in order and once.
 *
 * It is here to prove the simulator: whoever reads it sees on two pages how a program and a story
 * are written, and its bites are the classic mistakes, each of which some seed must find. */
#ifndef TAILRACE_SIM_LEDGER_H
#define TAILRACE_SIM_LEDGER_H

#include "sim/story.h"

extern const struct story ledger_story;

#endif
