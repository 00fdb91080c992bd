/* Requests that concern files: how long they take, what of them happens, and what goes wrong. */
#ifndef TAILRACE_SIM_FILE_JOB_H
#define TAILRACE_SIM_FILE_JOB_H

#include "sim/node.h"

bool is_file_kind(enum io_kind kind);

/* Takes a request; it lands by core_landed after some time. */
void file_job_submit(struct core *core, struct io_request *request);

/* Serves the oldest request of the core at once, for io_await. */
void file_job_hurry(struct core *core);

/* The process is dead: what is in flight happens, in part, or not, and nobody hears of it. */
void file_jobs_abandon(struct core *core);

#endif
