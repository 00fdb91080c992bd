/* The storage suite in the simulator: in a quiet world, and in one where transfers come in pieces
 * and the disk stands still now and then. */
#include "tests/storage/sim_harness.h"

int main(void)
{
    struct sim_harness quiet, rough;
    sim_harness_init(&quiet, 1);
    int failed_count = storage_suite_run(&quiet.harness) + retention_suite_run(&quiet.harness) +
                       transaction_suite_run(&quiet.harness);
    sim_harness_deinit(&quiet);

    sim_harness_init(&rough, 1000);
    rough.harness.name = "sim, rough";
    rough.faults.disk.short_count = 200000;
    rough.faults.disk.stall = 10000;
    rough.faults.disk.stall_ns_max = 5000000;
    failed_count += storage_suite_run(&rough.harness) + retention_suite_run(&rough.harness) +
                    transaction_suite_run(&rough.harness);
    sim_harness_deinit(&rough);
    return failed_count;
}
