#include "cluster/directory_survey.h"

#include "base/assert.h"

/*   ASK ──▶ TAKE ──▶ ASK ... ──▶ END   */
enum survey_stage { SURVEY_ASK, SURVEY_TAKE, SURVEY_END };

static const struct op_stage survey_stages[] = {
    [SURVEY_ASK] = {"ask", AFTER(SURVEY_TAKE)},
    [SURVEY_TAKE] = {"take", AFTER(SURVEY_ASK)},
    [SURVEY_END] = {"end", AFTER(SURVEY_ASK)},
};

static void space_landed(struct completion *completion, int32_t result)
{
    struct io_request *request = container_of(completion, struct io_request, completion);
    op_landed(&container_of(request, struct directory_survey, request)->op, result);
}

/* The list may have become shorter since the last look: a directory has failed. */
static enum op_progress survey_ask(struct directory_survey *survey)
{
    if (survey->next >= survey->broker->log_dirs_count) {
        op_move(&survey->op, SURVEY_END);
        return OP_AGAIN;
    }
    const struct broker_record_log_dir *dir = &survey->broker->log_dirs[survey->next++];
    assert(dir->path.size < sizeof survey->path);
    memcpy(survey->path, dir->path.data, dir->path.size);
    survey->path[dir->path.size] = '\0';
    survey->asked = dir->directory_id;
    completion_init(&survey->request.completion, space_landed);
    op_expect(&survey->op);
    io_free_space(survey->io, &survey->request, survey->path);
    op_move(&survey->op, SURVEY_TAKE);
    return OP_WAIT;
}

static enum op_progress survey_take(struct directory_survey *survey)
{
    bool is_known = survey->op.error == STATUS_OK;
    survey->op.error = STATUS_OK;
    assert(survey->full_count < CONFIG_LOG_DIRS_MAX);
    if (is_known && survey->request.space.usable_bytes < survey->free_bytes_min)
        survey->full[survey->full_count++] = survey->asked;
    op_move(&survey->op, SURVEY_ASK);
    return OP_AGAIN;
}

static enum op_progress survey_step(struct op *op)
{
    struct directory_survey *survey = container_of(op, struct directory_survey, op);
    switch ((enum survey_stage)op->stage) {
    case SURVEY_ASK: return survey_ask(survey);
    case SURVEY_TAKE: return survey_take(survey);
    case SURVEY_END: io_land(survey->io, survey->done, STATUS_OK); return OP_DONE;
    }
    unreachable();
}

static const struct op_kind survey_kind = {"directory-survey", survey_step, survey_stages};

void directory_survey_start(struct directory_survey *survey, struct io *io,
                            const struct broker_record *broker, uint64_t free_bytes_min,
                            struct completion *done)
{
    assert(done->landed != NULL);
    assert(free_bytes_min > 0);
    assert(broker->log_dirs_count <= CONFIG_LOG_DIRS_MAX);
    survey->io = io;
    survey->broker = broker;
    survey->free_bytes_min = free_bytes_min;
    survey->next = 0;
    survey->full_count = 0;
    survey->done = done;
    op_start(&survey->op, &survey_kind, io_ops(io));
}
