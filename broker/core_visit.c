#include "broker/core_visit.h"

#include "base/assert.h"

#include <stdlib.h>

static void visit_returned(struct completion *mail, int32_t result)
{
    struct core_visit *visit = container_of(mail, struct core_visit, mail);
    struct op *parent = visit->parent;
    free(visit);
    op_landed(parent, result);
}

static void visit_done(struct completion *done, int32_t result)
{
    struct core_visit *visit = container_of(done, struct core_visit, done);
    completion_init(&visit->mail, visit_returned);
    io_post(visit->core->io, 0, &visit->mail, result);
}

static void visit_arrived(struct completion *mail, int32_t result)
{
    struct core_visit *visit = container_of(mail, struct core_visit, mail);
    assert(visit->work != NULL);
    visit->work(visit);
}

void core_visit_all(const struct roster *roster, struct op *parent,
                    void (*work)(struct core_visit *visit))
{
    assert(parent != NULL);
    assert(work != NULL);
    assert(roster->core_count > 0);
    struct io *io = roster_core(roster, 0)->io;
    for (uint32_t i = 0; i < roster->core_count; i++) {
        struct core_visit *visit = calloc(1, sizeof *visit);
        assert(visit != NULL);
        visit->core = roster_core(roster, i);
        visit->parent = parent;
        visit->work = work;
        completion_init(&visit->mail, visit_arrived);
        completion_init(&visit->done, visit_done);
        op_expect(parent);
        io_post(io, i, &visit->mail, STATUS_OK);
    }
}
