/* What members of the classic protocol tell each other through the coordinator: what they own when
 * they join, and how whoever leads deals the partitions out. Eager members own nothing then, and
 * every generation begins elsewhere. Cooperative ones go on with what they own: they keep it as far
 * as that is fair, and what is to go to another one is nobody's for a generation, in which its
 * owner gives it up. */
#ifndef TAILRACE_SIM_GROUP_DEAL_H
#define TAILRACE_SIM_GROUP_DEAL_H

#include "sim/group_member.h"

enum { DEAL_MEMBERS_MAX = 64 }; /* also those who have died lately */
enum { DEAL_NO_PLAN = -1 };

struct group_deal {
    char ids[DEAL_MEMBERS_MAX][GROUP_ID_SIZE];
    uint32_t count;
    /* By partition, the member's number: who claims it, and since which generation; who is given
     * it. DEAL_MEMBERS_MAX: nobody. */
    uint32_t claims[GROUP_PARTITIONS];
    int32_t claimed_since[GROUP_PARTITIONS];
    uint32_t gives[GROUP_PARTITIONS];
};

/* What the member wants, and owns since `generation`; written into its call. */
struct bytes group_deal_subscription(struct group_member *member, int32_t generation);

/* The member leads those in the answer. False: what one of them says cannot be read. */
bool group_deal_out(struct group_deal *deal, struct group_member *member,
                    const struct join_group_response *response);

/* What one of them is given, beside the number of the plan; written into the call. */
struct bytes group_deal_assignment(const struct group_deal *deal, struct group_member *member,
                                   uint32_t whose, uint64_t plan);

/* What the member was given, and in which plan: none where the coordinator itself deals. False if
 * it cannot be read. */
bool group_deal_read(struct group_member *member, struct bytes bytes, bool given[GROUP_PARTITIONS],
                     int64_t *plan);

#endif
