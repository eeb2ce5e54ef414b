/* beamline decide: ask a router, or a policy file, where one request would go. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/login.h"
#include "cli/offline.h"
#include "cli/present.h"
#include "client/session.h"
#include "json/json.h"
#include "json/writer.h"
#include "wire/decide_reply.h"

#define MAX_PAIRS 32
#define REQUEST_BYTES ((size_t)1024 * 1024)

static const char help[] =
    "Usage: beamline decide [options]\n"
    "\n"
    "Asks a router where a request would go, or decides here with --offline.\n"
    "\n"
    "The request\n"
    "  -t, --tenant ID          tenant (default: demo)\n"
    "  -p, --policy ID          policy id (default: the tenant's `default`)\n"
    "      --type TYPE          task type (default: text.generate)\n"
    "      --payload JSON       task payload: JSON if it begins with { or [, and\n"
    "                           else a number or a word of JSON, or text (default: {})\n"
    "  -m, --metadata KEY=VALUE metadata; repeat for more\n"
    "  -c, --context KEY=VALUE  context, such as a session key; repeat for more\n"
    "      --max-latency-ms N   constraint\n"
    "      --max-cost AMOUNT    constraint\n"
    "  -r, --request FILE       a whole request as JSON instead of all the others here (- = "
    "standard\n"
    "                           input)\n"
    "      --dry-run            decide without side effects\n"
    "  -x, --explain            say why\n"
    "\n"
    "The router\n"
    "      --nats URL           default: $BEAMLINE_NATS_URL, else "
    "nats://127.0.0.1:4222\n" BL_LOGIN_OPTIONS_HELP
    "      --subject SUBJECT    default: beamline.router.v1.decide\n"
    "      --timeout-ms N       how long to wait for the reply (default: 5000)\n"
    "      --offline            no router: decide here, needs --policy-file\n"
    "      --policy-file FILE   the policy for --offline\n"
    "      --json               print the reply as it is\n"
    "\n"
    "VALUE is JSON if it reads as JSON (7, true, \"7\"), else text.\n"
    "\n"
    "Examples\n"
    "  beamline decide --tenant demo --explain\n"
    "  beamline decide -m tier=gold -c user_id=u-7 --explain\n"
    "  beamline decide --offline --policy-file examples/policies/default.yaml --explain\n"
    "  echo '{\"tenant_id\":\"demo\",\"task\":{\"type\":\"x\",\"payload\":{}}}' | beamline decide "
    "-r -\n"
    "\n"
    "Exit code: 0 a provider was chosen, 1 refused, 2 wrong usage, 3 no router answered.\n";

struct pair {
    struct bl_str key;
    struct bl_str value;
};

struct options {
    const char *tenant, *policy, *type, *payload, *request_file, *policy_file, *subject;
    const char *max_latency_ms, *max_cost;
    const char *request_option; /* one that says what to ask for, if there was any */
    struct bl_login login;
    struct pair metadata[MAX_PAIRS], context[MAX_PAIRS];
    size_t metadata_count, context_count;
    int timeout_ms;
    bool explain, dry_run, offline, json;
};

static bool add_pair(struct pair *pairs, size_t *count, const char *argument) {
    const char *equals = strchr(argument, '=');
    if (equals == NULL || equals == argument) {
        fprintf(stderr, "beamline decide: '%s' is not KEY=VALUE\n", argument);
        return false;
    }
    if (*count == MAX_PAIRS) {
        fprintf(stderr, "beamline decide: more than %d pairs; use --request FILE\n", MAX_PAIRS);
        return false;
    }
    pairs[*count].key = (struct bl_str){argument, (size_t)(equals - argument)};
    pairs[*count].value = bl_str_from_c(equals + 1);
    (*count)++;
    return true;
}

static bool is_json(struct bl_str text, struct bl_diag *diag) {
    struct bl_arena arena;
    struct bl_json_doc doc;

    bl_arena_init(&arena, 4096, (size_t)16 * 1024 * 1024);
    bl_diag_clear(diag);
    bool read = bl_is_ok(bl_json_read(text, &bl_json_request_limits, &arena, &doc, diag));
    bl_arena_fini(&arena);
    return read;
}

/* Writes `text` as the JSON that it is, or as a string. */
static void write_loose(struct bl_json_writer *writer, struct bl_str text) {
    struct bl_diag diag;

    if (is_json(text, &diag)) {
        bl_json_write_raw(writer, text);
    } else {
        bl_json_write_string(writer, text);
    }
}

static void write_pairs(struct bl_json_writer *writer, const char *name, const struct pair *pairs,
                        size_t count) {
    if (count == 0) {
        return;
    }
    bl_json_write_key(writer, bl_str_from_c(name));
    bl_json_write_object_begin(writer);
    for (size_t i = 0; i < count; i++) {
        bl_json_write_key(writer, pairs[i].key);
        write_loose(writer, pairs[i].value);
    }
    bl_json_write_object_end(writer);
}

static void write_text(struct bl_json_writer *writer, const char *name, const char *value) {
    if (value != NULL) {
        bl_json_write_key(writer, bl_str_from_c(name));
        bl_json_write_string(writer, bl_str_from_c(value));
    }
}

static void write_constraints(struct bl_json_writer *writer, const struct options *options) {
    if (options->max_latency_ms == NULL && options->max_cost == NULL) {
        return;
    }
    bl_json_write_key(writer, BL_STR("constraints"));
    bl_json_write_object_begin(writer);
    if (options->max_latency_ms != NULL) {
        bl_json_write_key(writer, BL_STR("max_latency_ms"));
        write_loose(writer, bl_str_from_c(options->max_latency_ms));
    }
    if (options->max_cost != NULL) {
        bl_json_write_key(writer, BL_STR("max_cost"));
        write_loose(writer, bl_str_from_c(options->max_cost));
    }
    bl_json_write_object_end(writer);
}

static void write_request(const struct options *options, struct bl_buf *buf) {
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, buf);
    bl_json_write_object_begin(&writer);
    write_text(&writer, "version", "1");
    write_text(&writer, "tenant_id", options->tenant);
    write_text(&writer, "policy_id", options->policy);
    bl_json_write_key(&writer, BL_STR("task"));
    bl_json_write_object_begin(&writer);
    write_text(&writer, "type", options->type);
    bl_json_write_key(&writer, BL_STR("payload"));
    write_loose(&writer, bl_str_from_c(options->payload));
    bl_json_write_object_end(&writer);
    write_constraints(&writer, options);
    write_pairs(&writer, "metadata", options->metadata, options->metadata_count);
    write_pairs(&writer, "context", options->context, options->context_count);
    if (options->explain) {
        bl_json_write_key(&writer, BL_STR("explain"));
        bl_json_write_bool(&writer, true);
    }
    if (options->dry_run) {
        bl_json_write_key(&writer, BL_STR("dry_run"));
        bl_json_write_bool(&writer, true);
    }
    bl_json_write_object_end(&writer);
}

enum {
    OPTION_TYPE = 256,
    OPTION_PAYLOAD,
    OPTION_LATENCY,
    OPTION_COST,
    OPTION_DRY_RUN,
    OPTION_NATS,
    OPTION_SUBJECT,
    OPTION_TIMEOUT,
    OPTION_OFFLINE,
    OPTION_POLICY_FILE,
    OPTION_JSON
};

static const struct option long_options[] = {
    {"tenant", required_argument, NULL, 't'},
    {"policy", required_argument, NULL, 'p'},
    {"type", required_argument, NULL, OPTION_TYPE},
    {"payload", required_argument, NULL, OPTION_PAYLOAD},
    {"metadata", required_argument, NULL, 'm'},
    {"context", required_argument, NULL, 'c'},
    {"max-latency-ms", required_argument, NULL, OPTION_LATENCY},
    {"max-cost", required_argument, NULL, OPTION_COST},
    {"request", required_argument, NULL, 'r'},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"explain", no_argument, NULL, 'x'},
    {"nats", required_argument, NULL, OPTION_NATS},
    {"subject", required_argument, NULL, OPTION_SUBJECT},
    {"timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
    {"offline", no_argument, NULL, OPTION_OFFLINE},
    {"policy-file", required_argument, NULL, OPTION_POLICY_FILE},
    {"json", no_argument, NULL, OPTION_JSON},
    BL_LOGIN_LONG_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The long name of an option that describes the request; NULL for the others. */
static const char *request_option(int option) {
    static const int describing[] = {'t',
                                     'p',
                                     OPTION_TYPE,
                                     OPTION_PAYLOAD,
                                     'm',
                                     'c',
                                     OPTION_LATENCY,
                                     OPTION_COST,
                                     OPTION_DRY_RUN,
                                     'x'};

    for (size_t i = 0; i < sizeof(describing) / sizeof(describing[0]); i++) {
        for (const struct option *at = long_options; describing[i] == option; at++) {
            if (at->val == option) {
                return at->name;
            }
        }
    }
    return NULL;
}

/* BL_EXIT_OK to go on, else the exit code; *done is set when nothing is left to do. */
static int apply_option(int option, struct options *options, bool *done) {
    switch (option) {
    case 't':
        options->tenant = optarg;
        return BL_EXIT_OK;
    case 'p':
        options->policy = optarg;
        return BL_EXIT_OK;
    case OPTION_TYPE:
        options->type = optarg;
        return BL_EXIT_OK;
    case OPTION_PAYLOAD:
        options->payload = optarg;
        return BL_EXIT_OK;
    case OPTION_LATENCY:
        options->max_latency_ms = optarg;
        return BL_EXIT_OK;
    case OPTION_COST:
        options->max_cost = optarg;
        return BL_EXIT_OK;
    case 'r':
        options->request_file = optarg;
        return BL_EXIT_OK;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        return BL_EXIT_OK;
    case 'x':
        options->explain = true;
        return BL_EXIT_OK;
    case OPTION_NATS:
        options->login.target.url = optarg;
        return BL_EXIT_OK;
    case OPTION_SUBJECT:
        options->subject = optarg;
        return BL_EXIT_OK;
    case OPTION_OFFLINE:
        options->offline = true;
        return BL_EXIT_OK;
    case OPTION_POLICY_FILE:
        options->policy_file = optarg;
        return BL_EXIT_OK;
    case OPTION_JSON:
        options->json = true;
        return BL_EXIT_OK;
    case 'm':
        return add_pair(options->metadata, &options->metadata_count, optarg) ? BL_EXIT_OK
                                                                             : BL_EXIT_USAGE;
    case 'c':
        return add_pair(options->context, &options->context_count, optarg) ? BL_EXIT_OK
                                                                           : BL_EXIT_USAGE;
    case OPTION_TIMEOUT: {
        char *end;
        long value = strtol(optarg, &end, 10);
        if (*end != '\0' || value < 1 || value > 600000) {
            fprintf(stderr, "beamline decide: --timeout-ms takes 1 to 600000, not '%s'\n", optarg);
            return BL_EXIT_USAGE;
        }
        options->timeout_ms = (int)value;
        return BL_EXIT_OK;
    }
    case 'h':
        fputs(help, stdout);
        *done = true;
        return BL_EXIT_OK;
    default:
        if (bl_login_take(&options->login, option, optarg)) {
            return BL_EXIT_OK;
        }
        fputs("Try: beamline decide --help\n", stderr);
        return BL_EXIT_USAGE;
    }
}

static int check_options(const struct options *options, int argc, char **argv) {
    if (optind < argc) {
        fprintf(stderr, "beamline decide: unexpected argument '%s'\n", argv[optind]);
        return BL_EXIT_USAGE;
    }
    if (options->offline != (options->policy_file != NULL)) {
        fputs("beamline decide: --offline and --policy-file FILE go together\n", stderr);
        return BL_EXIT_USAGE;
    }
    if (options->request_file != NULL && options->request_option != NULL) {
        fprintf(stderr,
                "beamline decide: --request FILE is the whole request; --%s goes into the file\n",
                options->request_option);
        return BL_EXIT_USAGE;
    }
    struct bl_str payload = bl_str_trim(bl_str_from_c(options->payload));
    bool is_meant_as_json = payload.len > 0 && (payload.data[0] == '{' || payload.data[0] == '[');
    struct bl_diag diag;
    if (is_meant_as_json && !is_json(payload, &diag)) {
        fprintf(stderr, "beamline decide: --payload is no JSON: line %u, column %u: %s\n",
                (unsigned)diag.line, (unsigned)diag.column, diag.message);
        return BL_EXIT_USAGE;
    }
    return BL_EXIT_OK;
}

static bl_result ask(struct options *options, struct bl_str request, struct bl_buf *reply,
                     double *took_ms, struct bl_diag *diag) {
    struct bl_session *session;

    BL_TRY(bl_login_resolve(&options->login, diag));
    BL_TRY(bl_session_open(&options->login.target, options->timeout_ms, &session, diag));
    bl_result result = bl_session_request(session, bl_str_from_c(options->subject), request,
                                          options->timeout_ms, reply, took_ms, diag);
    bl_session_close(session);
    return result;
}

/* For programs: in the shape of a refusal, though no router has spoken. */
static void print_problem(bl_result result, const struct bl_diag *diag) {
    char storage[8192];
    struct bl_buf buf;
    struct bl_json_writer writer;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("ok"));
    bl_json_write_bool(&writer, false);
    bl_json_write_key(&writer, BL_STR("error"));
    bl_json_write_object_begin(&writer);
    write_text(&writer, "code", bl_error_info(result.error)->code);
    write_text(&writer, "message", diag->message);
    bl_json_write_object_end(&writer);
    bl_json_write_object_end(&writer);
    printf("%.*s\n", BL_STR_ARG(bl_buf_view(&buf)));
}

/* Sends the request and fills `reply`; prints why if there is none. */
static bool ask_router(struct options *options, struct bl_str request, struct bl_buf *reply,
                       double *took_ms) {
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_result result = ask(options, request, reply, took_ms, &diag);
    bl_login_fini(&options->login);
    if (bl_is_error(result)) {
        bl_present_problem("decide", &diag);
        if (options->json) {
            print_problem(result, &diag);
        }
    }
    return bl_is_ok(result);
}

int bl_cli_decide(int argc, char **argv) {
    static char request_storage[REQUEST_BYTES], reply_storage[2 * BL_WIRE_REPLY_MAX_BYTES];
    struct options options = {.tenant = "demo",
                              .type = "text.generate",
                              .payload = "{}",
                              .subject = "beamline.router.v1.decide",
                              .login.target.url = getenv("BEAMLINE_NATS_URL"),
                              .timeout_ms = 5000};
    struct bl_buf request, reply;
    char *file = NULL;
    bool done = false;
    double took_ms = -1;
    int option;

    while ((option = getopt_long(argc, argv, "t:p:m:c:r:xh", long_options, NULL)) != -1) {
        const char *describing = request_option(option);
        options.request_option = describing != NULL ? describing : options.request_option;
        int code = apply_option(option, &options, &done);
        if (code != BL_EXIT_OK || done) {
            return code;
        }
    }
    int code = check_options(&options, argc, argv);
    if (code != BL_EXIT_OK) {
        return code;
    }

    bl_buf_init(&request, request_storage, sizeof(request_storage));
    bl_buf_init(&reply, reply_storage, sizeof(reply_storage));
    struct bl_str text;
    if (options.request_file != NULL) {
        if (!bl_read_file(options.request_file, REQUEST_BYTES, &file, &text.len)) {
            return BL_EXIT_FAILED;
        }
        text.data = file;
        if (bl_str_trim(text).len == 0) {
            fprintf(stderr, "beamline decide: %s is empty\n", options.request_file);
            free(file);
            return BL_EXIT_FAILED;
        }
    } else {
        write_request(&options, &request);
        text = bl_buf_view(&request);
    }

    bool answered = options.offline ? bl_offline_decide(options.policy_file, text, false, &reply)
                                    : ask_router(&options, text, &reply, &took_ms);
    free(file);
    if (!answered) {
        return options.offline ? BL_EXIT_FAILED : BL_EXIT_UNREACHABLE;
    }
    if (options.json) {
        printf("%.*s\n", BL_STR_ARG(bl_buf_view(&reply)));
        return bl_reply_is_ok(bl_buf_view(&reply)) ? BL_EXIT_OK : BL_EXIT_FAILED;
    }
    return bl_present_reply(stdout, bl_buf_view(&reply), took_ms) ? BL_EXIT_OK : BL_EXIT_FAILED;
}
