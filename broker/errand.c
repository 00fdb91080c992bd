#include "broker/errand.h"

#include "base/assert.h"
#include "broker/roster.h"

static void errand_arrived(struct completion *mail, int32_t result)
{
    struct errand *errand = container_of(mail, struct errand, mail);
    errand->run(errand);
}

static void errand_returned(struct completion *mail, int32_t result)
{
    struct errand *errand = container_of(mail, struct errand, mail);
    op_landed(errand->parent, result);
}

void errand_send(struct errand *errand, struct op *parent, struct broker_core *home,
                 uint32_t core_index, void (*run)(struct errand *errand))
{
    assert(parent != NULL);
    assert(home != NULL);
    assert(run != NULL);
    errand->parent = parent;
    errand->home = home;
    errand->core = roster_core(home->roster, core_index);
    errand->run = run;
    op_expect(parent);
    completion_init(&errand->mail, errand_arrived);
    if (errand->core == home)
        run(errand);
    else
        io_post(home->io, core_index, &errand->mail, STATUS_OK);
}

void errand_finish(struct errand *errand, int32_t result)
{
    assert(!list_node_is_linked(&errand->mail.node));
    assert(errand->parent != NULL);
    assert(errand->core != NULL);
    errand->mail.landed = errand_returned;
    if (errand->core == errand->home)
        io_land(errand->home->io, &errand->mail, result);
    else
        io_post(errand->core->io, io_core_index(errand->home->io), &errand->mail, result);
}
