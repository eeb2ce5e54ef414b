/* The inside of the dispatcher. Private to this folder. */
#ifndef BL_APP_DISPATCHER_PRIVATE_H
#define BL_APP_DISPATCHER_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include "app/dispatcher.h"
#include "base/map.h"
#include "base/timer_wheel.h"
#include "bus/jetstream.h"
#include "net/timer.h"
#include "observe/metrics.h"
#include "wire/life_record.h"
#include "wire/worker_message.h"

#define BL_INSTANCE_CHARS 16
#define BL_INSTANCES_MAX 64
#define BL_LIFE_SUBJECT_MAX 192

enum bl_dispatch_stream {
    BL_STREAM_LIVES,
    BL_STREAM_ASSIGNMENTS,
    BL_STREAM_ACKS,
    BL_STREAM_RESULTS,
    BL_STREAM_USAGE,
    BL_STREAM_COMPLETED,
    BL_STREAM_DLQ,
    BL_STREAM_COUNT
};

/* A life that this router knows of. */
struct bl_live {
    char subject[BL_LIFE_SUBJECT_MAX]; /* of its record */
    char *record;                      /* as it is stored */
    size_t record_len;
    uint64_t revision; /* of that record; 0 = not stored yet */
    char assignment_ids[BL_ATTEMPTS_MAX][BL_ASSIGNMENT_ID_CHARS + 1];
    unsigned attempt_count;
    enum bl_life_state state;
    char owner[BL_INSTANCE_CHARS + 1];
    int64_t not_before_ms, attempt_time_ms, ends_at_ms;

    struct bl_wheel_entry timer;
    struct bl_dispatcher *dispatcher;
    struct bl_live *next, *previous;
    struct bl_errand *errand; /* that began it, until its intent is stored */
    uint64_t seen;            /* revision that the reader has shown of it, while it is stored */
    bool is_abandoned;        /* its sender was told that it failed, and it may be stored */
    bool is_busy;             /* a change of it is on its way */
    bool is_assigned;         /* the broker has the last attempt's assignment */
    bool is_assigning;        /* it is on its way */
    unsigned assigning;       /* assignments on their way, those of earlier attempts included */
    unsigned assign_failures;

    /* The change on its way. */
    struct bl_life_effects effects;
    char *changed;
    size_t changed_len;
    enum bl_life_state next_state; /* with it */
    bool has_notify;               /* somebody asked to be told of the end */
    struct bl_pull *pull;          /* of the delivery that caused it; NULL = a timer did */
    struct bl_bus_message *message;
    uint64_t deliveries;
    bool is_ack;
};

struct bl_dispatcher_cells {
    struct bl_counter *pushed, *results, *usage, *dead, *writes;
    struct bl_gauge *live, *ready;
};

struct bl_dispatcher {
    struct bl_dispatcher_parts parts;
    pthread_t thread;
    sem_t started;
    bl_result start_result;
    struct bl_diag *start_diag; /* of the control thread, until `started` */

    struct bl_loop *loop;
    struct bl_bus *bus;
    struct bl_jetstream *jetstream;
    struct bl_pull *reader, *results, *acks;
    struct bl_mailbox mailbox;
    struct bl_timer *tick; /* of the wheel */
    struct bl_timer *second;
    struct bl_waker switcher;
    _Atomic(struct bl_snapshot *) next;
    struct bl_snapshot *snapshot;
    struct bl_log_channel *log;
    struct bl_metric_shard metrics;
    struct bl_dispatcher_cells cells;

    struct bl_stream_config streams[BL_STREAM_COUNT];
    const char *subjects[BL_STREAM_COUNT][BL_STREAM_SUBJECTS_MAX];
    char texts[BL_STREAM_COUNT * 4][256]; /* what they are made of */
    size_t text_count;
    unsigned wanted_streams;
    unsigned ensuring;     /* answers to come */
    unsigned good_streams; /* of the round under way */
    char problem[256];     /* why pushes are not taken; empty = unknown yet, or none */
    bool streams_are_good;
    bool has_caught_up;

    char instance[BL_INSTANCE_CHARS + 1];
    struct bl_instance {
        char name[BL_INSTANCE_CHARS + 1];
        int64_t heard_ms; /* monotonic */
    } instances[BL_INSTANCES_MAX];
    unsigned instance_count;
    int64_t listening_since_ms; /* monotonic; before it nobody could be heard */

    struct bl_wheel wheel;
    struct bl_live *first;
    size_t live_count;
    struct bl_map by_subject, by_assignment;
    struct bl_arena scratch; /* of the step under way */
    char *out;               /* of the message under way */
    char *record_out;        /* of the record that begins */
    size_t out_capacity;
    unsigned storing; /* intents on their way */

    _Atomic bool is_ready;
    _Atomic bool stopped;
    _Atomic size_t max_payload;
};

int64_t bl_dispatcher_now_ms(void); /* epoch */

/* dispatcher_streams.c: makes and checks what is needed of JetStream. */
void bl_dispatcher_describe_streams(struct bl_dispatcher *dispatcher);
void bl_dispatcher_ensure_streams(struct bl_dispatcher *dispatcher);
void bl_dispatcher_settle_ready(struct bl_dispatcher *dispatcher);

/* dispatcher_lives.c: the table of lives. */
/* A life with that record, replacing what was known of it; NULL without memory, or if it is damaged. */
struct bl_live *bl_live_put(struct bl_dispatcher *dispatcher, struct bl_str subject,
                            struct bl_str record, uint64_t revision);
struct bl_live *bl_live_find(struct bl_dispatcher *dispatcher, struct bl_str subject);
struct bl_live *bl_live_of_assignment(struct bl_dispatcher *dispatcher,
                                      struct bl_str assignment_id);
void bl_live_drop(struct bl_live *live);
/* Drops it if it has ended and nothing that is on its way still needs it. */
void bl_live_drop_if_over(struct bl_live *live);
bool bl_live_is_ours(const struct bl_live *live);
/* Has the timer wait for what comes next by itself. */
void bl_live_arm(struct bl_live *live, int64_t at_ms);
void bl_dispatcher_on_tick(void *user);
/* The subject of a record: bucket, admission, first assignment, digests of request and message id. */
void bl_life_subject(const struct bl_dispatcher *dispatcher, const struct bl_life *life,
                     struct bl_buf *buf);
/* A digest of (tenant, id) as it stands in such a subject. */
void bl_life_digest(struct bl_str tenant_id, struct bl_str id, struct bl_buf *buf);

/* dispatcher_push.c: what workers send. */
void bl_dispatcher_on_mail(void *user);
void bl_dispatcher_assign(struct bl_live *live); /* publishes the last attempt */

/* dispatcher_step.c: events, and what they come to. */
/* Applies it, unless the life is busy: false, then it has to come again. Takes the delivery over. */
bool bl_live_apply(struct bl_live *live, const struct bl_life_event *event,
                   const struct bl_worker_message *message, struct bl_pull *pull,
                   const struct bl_delivery *delivery);
/* Stores that this router cares for it now. */
void bl_live_adopt(struct bl_live *live);
void bl_live_abandon(struct bl_live *live);
/* Looks whether an abandoned one is stored after all; else it is forgotten. */
void bl_live_check_abandoned(struct bl_live *live);

/* dispatcher_workers.c: deliveries. */
extern const struct bl_pull_events bl_dispatcher_result_events, bl_dispatcher_ack_events,
    bl_dispatcher_reader_events;
/* To the DLQ, and then away. */
void bl_dispatcher_bury(struct bl_dispatcher *dispatcher, struct bl_pull *pull,
                        struct bl_bus_message *message, uint64_t deliveries, const char *reason,
                        const char *text);

#endif
