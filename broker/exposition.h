/* What was gathered as text for Prometheus (exposition format 0.0.4). Pure. */
#ifndef TAILRACE_BROKER_EXPOSITION_H
#define TAILRACE_BROKER_EXPOSITION_H

#include "base/bytes.h"
#include "broker/scrape.h"

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Topics that the image does not know any more are left out. */
void exposition_write(struct writer *writer, const struct core_sample *sum,
                      const struct image *image);

#endif
