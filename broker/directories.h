/* The broker's directories. */
#ifndef TAILRACE_BROKER_DIRECTORIES_H
#define TAILRACE_BROKER_DIRECTORIES_H

#include "base/status.h"

struct broker;

/* Blocking. Makes log.dirs and what is above it, where they are not there yet, and fills in the
 * broker's directory paths. Explains a failure in the log. */
enum status broker_make_directories(struct broker *broker);

#endif
