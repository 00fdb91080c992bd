#include "bench/schedule.h"

#include "base/assert.h"

void schedule_init(struct schedule *schedule, int64_t began_ns, double rate,
                   uint32_t connection_count)
{
    assert(rate > 0);
    assert(connection_count > 0);
    *schedule = (struct schedule){began_ns, 1e9 / rate, connection_count};
}

int64_t schedule_start_ns(const struct schedule *schedule, uint32_t connection, uint64_t number)
{
    assert(connection < schedule->connection_count);
    uint64_t turn = number * schedule->connection_count + connection;
    return schedule->began_ns + (int64_t)((double)turn * schedule->interval_ns);
}
