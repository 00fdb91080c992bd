#include "io/scheduling.h"

#include "base/assert.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the calling thread. The C library has had wrappers only since glibc 2.41. */
static enum status read_attributes(struct sched_attr *attributes)
{
    *attributes = (struct sched_attr){.size = sizeof *attributes};
    if (syscall(SYS_sched_getattr, 0, attributes, sizeof *attributes, 0) != 0)
        return status_from_errno(errno);
    assert(attributes->size <= sizeof *attributes);
    return STATUS_OK;
}

enum status scheduling_shorten_slices(void)
{
    struct sched_attr attributes;
    enum status status = read_attributes(&attributes);
    if (status != STATUS_OK || attributes.sched_policy != SCHED_NORMAL)
        return status;
    attributes.sched_runtime = SCHEDULING_SLICE_NS;
    if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0)
        return status_from_errno(errno);
    /* An older kernel takes the wish and forgets it. */
    status = read_attributes(&attributes);
    if (status == STATUS_OK && attributes.sched_runtime != SCHEDULING_SLICE_NS)
        return STATUS_UNSUPPORTED;
    return status;
}

enum status scheduling_stand_back(void)
{
    struct sched_attr attributes;
    enum status status = read_attributes(&attributes);
    if (status != STATUS_OK)
        return status;
    if (attributes.sched_policy != SCHED_NORMAL || attributes.sched_runtime != SCHEDULING_SLICE_NS)
        return STATUS_UNSUPPORTED;
    attributes.sched_policy = SCHED_IDLE;
    if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0)
        return status_from_errno(errno);
    return STATUS_OK;
}
