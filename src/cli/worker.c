/* beamline worker: take assignments of pushed requests. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/money.h"
#include "cli/command.h"
#include "cli/login.h"
#include "cli/present.h"
#include "worker/reference_worker.h"

static const char help[] =
    "Usage: beamline worker [options]\n"
    "\n"
    "Takes assignments of pushed requests, executes them by giving their payload back, and "
    "reports\n"
    "the results. For trying out, for tests, and as a model for workers of your own; see\n"
    "docs/delivery.md. Ends with SIGTERM or Ctrl-C, after what it has begun.\n"
    "\n"
    "      --nats URL           default: $BEAMLINE_NATS_URL, else "
    "nats://127.0.0.1:4222\n" BL_LOGIN_OPTIONS_HELP
    "      --name NAME          workers of one name share the work (default: workers)\n"
    "      --stream NAME        where assignments are (default: BL_ASSIGNMENTS)\n"
    "      --subject SUBJECT    take only those of this subject\n"
    "      --provider ID        take only this provider's work; may be repeated\n"
    "      --capacity N         assignments at a time (default: 256)\n"
    "      --delay MS           milliseconds that each one takes (default: 0)\n"
    "      --fail SHARE         share that fails, 0 to 1 (default: 0)\n"
    "      --error-code CODE    how they fail (default: 503)\n"
    "      --cost AMOUNT        what each one costs (default: not told)\n"
    "      --accept             acknowledge assignments when they begin\n"
    "\n"
    "Examples\n"
    "  beamline worker\n"
    "  beamline worker --delay 200 --fail 0.1 --error-code TIMEOUT\n"
    "  beamline worker --name openai --provider openai/gpt-4o --cost 0.002\n"
    "\n"
    "Exit code: 0 stopped in order, 1 could not run, 2 wrong usage.\n";

enum {
    OPTION_NATS = 256,
    OPTION_NAME,
    OPTION_STREAM,
    OPTION_SUBJECT,
    OPTION_PROVIDER,
    OPTION_CAPACITY,
    OPTION_DELAY,
    OPTION_FAIL,
    OPTION_ERROR_CODE,
    OPTION_COST,
    OPTION_ACCEPT
};

static const struct option long_options[] = {
    {"nats", required_argument, NULL, OPTION_NATS},
    {"name", required_argument, NULL, OPTION_NAME},
    {"stream", required_argument, NULL, OPTION_STREAM},
    {"subject", required_argument, NULL, OPTION_SUBJECT},
    {"provider", required_argument, NULL, OPTION_PROVIDER},
    {"capacity", required_argument, NULL, OPTION_CAPACITY},
    {"delay", required_argument, NULL, OPTION_DELAY},
    {"fail", required_argument, NULL, OPTION_FAIL},
    {"error-code", required_argument, NULL, OPTION_ERROR_CODE},
    {"cost", required_argument, NULL, OPTION_COST},
    {"accept", no_argument, NULL, OPTION_ACCEPT},
    BL_LOGIN_LONG_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct options {
    struct bl_login login;
    struct bl_reference_worker_options worker;
    const char *providers[BL_REFERENCE_PROVIDERS_MAX];
};

/* A number from `min` to `max`. */
static bool read_number(const char *text, const char *name, double min, double max, double *out) {
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= min && value <= max)) {
        fprintf(stderr, "beamline worker: --%s takes a number from %g to %g, not '%s'\n", name, min,
                max, text);
        return false;
    }
    *out = value;
    return true;
}

static bool apply_number(int option, struct options *options) {
    struct bl_reference_worker_options *worker = &options->worker;
    double value = 0;
    bool good = false;

    if (option == OPTION_CAPACITY) {
        good = read_number(optarg, "capacity", 1, 65536, &value);
        worker->capacity = (uint32_t)value;
    } else if (option == OPTION_DELAY) {
        good = read_number(optarg, "delay", 0, 3600000, &value);
        worker->delay_ms = (uint32_t)value;
    } else if (option == OPTION_FAIL) {
        good = read_number(optarg, "fail", 0, 1, &value);
        worker->fail_share = value;
    } else {
        good = read_number(optarg, "cost", 0, 1e9, &value) &&
               bl_money_from_double(value, &worker->cost_nano);
    }
    return good;
}

static bool apply_option(int option, struct options *options) {
    struct bl_reference_worker_options *worker = &options->worker;

    switch (option) {
    case OPTION_NATS:
        options->login.target.url = optarg;
        return true;
    case OPTION_NAME:
        worker->durable = optarg;
        return true;
    case OPTION_STREAM:
        worker->stream = optarg;
        return true;
    case OPTION_SUBJECT:
        worker->filter = optarg;
        return true;
    case OPTION_PROVIDER:
        if (worker->provider_count == BL_REFERENCE_PROVIDERS_MAX) {
            fprintf(stderr, "beamline worker: more than %d providers\n",
                    BL_REFERENCE_PROVIDERS_MAX);
            return false;
        }
        options->providers[worker->provider_count++] = optarg;
        return true;
    case OPTION_ERROR_CODE:
        worker->error_code = optarg;
        return true;
    case OPTION_ACCEPT:
        worker->accepts = true;
        return true;
    case OPTION_CAPACITY:
    case OPTION_DELAY:
    case OPTION_FAIL:
    case OPTION_COST:
        return apply_number(option, options);
    default:
        return bl_login_take(&options->login, option, optarg);
    }
}

static void show_progress(void *user, uint64_t done, uint64_t failed, uint32_t under_way) {
    (void)user;
    fprintf(stderr, "\r\x1b[K%" PRIu64 " done, %" PRIu64 " failed, %" PRIu32 " under way", done,
            failed, under_way);
}

static int run(struct options *options) {
    const struct bl_link_target *target = &options->login.target;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_result result = bl_login_resolve(&options->login, &diag);
    if (bl_is_ok(result)) {
        const char *url = target->url != NULL ? target->url : BL_LINK_DEFAULT_URL;
        options->worker.bus.servers = &url;
        options->worker.bus.server_count = 1;
        options->worker.bus.name = "beamline-worker";
        options->worker.bus.user = target->user;
        options->worker.bus.password = target->password;
        options->worker.bus.token = target->token;
        options->worker.bus.credentials_file = target->credentials_file;
        options->worker.on_progress = isatty(STDERR_FILENO) == 1 ? show_progress : NULL;
        result = bl_reference_worker_run(&options->worker, &diag);
    }
    bl_login_fini(&options->login);
    if (options->worker.on_progress != NULL) {
        fputc('\n', stderr);
    }
    if (bl_is_error(result)) {
        bl_present_problem("worker", &diag);
        return BL_EXIT_FAILED;
    }
    return BL_EXIT_OK;
}

int bl_cli_worker(int argc, char **argv) {
    static struct options options;
    int option;

    options.login.target.url = getenv("BEAMLINE_NATS_URL");
    options.worker = (struct bl_reference_worker_options){
        .bus = bl_bus_config_default(),
        .stream = "BL_ASSIGNMENTS",
        .durable = "workers",
        .result_subject = BL_STR("caf.exec.result.v1"),
        .ack_subject = BL_STR("caf.exec.assign.v1.ack"),
        .heartbeat_subject = BL_STR("caf.worker.heartbeat.v1"),
        .providers = options.providers,
        .capacity = 256,
        .error_code = "503",
        .cost_nano = BL_MONEY_UNKNOWN,
    };
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return BL_EXIT_OK;
        }
        if (!apply_option(option, &options)) {
            fputs("Try: beamline worker --help\n", stderr);
            return BL_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "beamline worker: unexpected argument '%s'\n", argv[optind]);
        return BL_EXIT_USAGE;
    }
    return run(&options);
}
