/* What earlier lives of this broker left on the disks of topics that are not there any more:
 * removed if they were deleted, set aside if nobody knows them (storage/overdue.h,
 * storage/strays.h). */
#ifndef TAILRACE_BROKER_LEAVINGS_H
#define TAILRACE_BROKER_LEAVINGS_H

struct broker;
struct broker_core;

/* On core 0, when all cores have adopted the first image. */
void leavings_look_for_strays(struct broker *broker);

/* On each core, then. */
void leavings_delete_overdue(struct broker_core *core);

#endif
