/* cmocka wants four headers in one order; here they are. */
#ifndef TAILRACE_TESTS_CONSUMER_GROUPS_CHECK_H
#define TAILRACE_TESTS_CONSUMER_GROUPS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
