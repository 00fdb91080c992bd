/* version: of the tool, and of librdkafka as loaded, which may differ from the one built with. */
#include "cli/tool.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>

static enum exit_code run_version(struct tool *tool)
{
    if (tool->format == FORMAT_JSON)
        tool_print_json(tool, json_pack("{s:s, s:s}", "version", TAILRACE_VERSION, "librdkafka",
                                        rd_kafka_version_str()));
    else
        printf("tailrace %s (librdkafka %s)\n", TAILRACE_VERSION, rd_kafka_version_str());
    return EXIT_CODE_OK;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "show the version of this tool",
    .description = "Prints the version of the tool and of the Kafka library it was started with.\n",
    .example = "tailrace version\n",
    .json_shape = "{\"version\": string, \"librdkafka\": string}\n",
    .run = run_version,
};
