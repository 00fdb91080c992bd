/* What has settings, by Kafka's numbers; others are refused where they are asked for. */
#ifndef TAILRACE_BROKER_RESOURCE_H
#define TAILRACE_BROKER_RESOURCE_H

enum { RESOURCE_TOPIC = 2, RESOURCE_BROKER = 4, RESOURCE_GROUP = 32 };

#endif
