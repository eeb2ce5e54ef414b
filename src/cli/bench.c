/* beamline bench: load a router and report what it did. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/login.h"
#include "cli/present.h"
#include "client/load.h"
#include "json/writer.h"

static const char help[] =
    "Usage: beamline bench [options]\n"
    "\n"
    "Loads a router with decide requests and reports throughput and latency percentiles.\n"
    "With --rate the load is open: requests leave on time whatever the router does, and latency\n"
    "counts from the time each should have left. Without it, --outstanding requests are kept in\n"
    "flight, which finds the throughput.\n"
    "\n"
    "  -r, --rate N          requests per second (default: closed loop)\n"
    "  -o, --outstanding N   in flight (default: 256; with --rate at most: 65536)\n"
    "  -d, --duration TIME   10s, 500ms, 2m (default: 10s)\n"
    "      --warmup TIME     loaded but not counted (default: 1s)\n"
    "  -t, --tenant ID       default: demo\n"
    "  -s, --sessions N      distinct user_ids (default: 10000; 0 = none)\n"
    "      --bytes N         size of a request (default: 600)\n"
    "      --push            requests that a worker executes (see beamline worker --help)\n"
    "      --timeout TIME    of one request (default: 5s)\n"
    "      --subject SUBJECT default: beamline.router.v1.decide\n"
    "      --nats URL        default: $BEAMLINE_NATS_URL, else "
    "nats://127.0.0.1:4222\n" BL_LOGIN_OPTIONS_HELP
    "      --json            figures as one JSON line\n"
    "      --no-progress     no progress line (none is shown unless stderr is a terminal)\n"
    "\n"
    "Examples\n"
    "  beamline bench --duration 5s\n"
    "  beamline bench --rate 20000 --duration 30s\n"
    "  beamline bench --outstanding 1 --json\n"
    "\n"
    "Exit code: 0 every request was answered ok, 1 some were not, 2 wrong usage,\n"
    "3 no router answered.\n";

struct options {
    struct bl_load_config load;
    struct bl_login login;
    bool json, quiet;
};

/* "10s", "500ms", "2m"; a bare number is seconds. */
static bool parse_time(const char *text, uint32_t *out_ms) {
    char *end;
    double value = strtod(text, &end);
    double factor = strcmp(end, "ms") == 0                  ? 1
                    : strcmp(end, "s") == 0 || *end == '\0' ? 1000
                    : strcmp(end, "m") == 0                 ? 60000
                                                            : 0;
    if (end == text || factor == 0 || !(value >= 0) || value * factor > 86400000.0) {
        fprintf(stderr, "beamline bench: '%s' is not a time: 500ms, 10s or 2m, up to a day\n",
                text);
        return false;
    }
    *out_ms = (uint32_t)(value * factor);
    return true;
}

static bool parse_number(const char *text, uint32_t max, uint32_t *out) {
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || text[0] == '-' || value > max) {
        fprintf(stderr, "beamline bench: '%s' is not a number up to %u\n", text, max);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

enum {
    OPTION_WARMUP = 256,
    OPTION_BYTES,
    OPTION_TIMEOUT,
    OPTION_SUBJECT,
    OPTION_NATS,
    OPTION_PUSH,
    OPTION_JSON,
    OPTION_QUIET
};

static const struct option long_options[] = {
    {"rate", required_argument, NULL, 'r'},
    {"outstanding", required_argument, NULL, 'o'},
    {"duration", required_argument, NULL, 'd'},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"tenant", required_argument, NULL, 't'},
    {"sessions", required_argument, NULL, 's'},
    {"bytes", required_argument, NULL, OPTION_BYTES},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"subject", required_argument, NULL, OPTION_SUBJECT},
    {"nats", required_argument, NULL, OPTION_NATS},
    {"push", no_argument, NULL, OPTION_PUSH},
    {"json", no_argument, NULL, OPTION_JSON},
    {"no-progress", no_argument, NULL, OPTION_QUIET},
    BL_LOGIN_LONG_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Whether the option and its value are good. */
static bool apply_option(int option, struct options *options) {
    struct bl_load_config *load = &options->load;

    switch (option) {
    case 'r':
        return parse_number(optarg, 10000000, &load->rate);
    case 'o':
        return parse_number(optarg, BL_LOAD_OUTSTANDING_MAX, &load->outstanding);
    case 'd':
        return parse_time(optarg, &load->duration_ms);
    case OPTION_WARMUP:
        return parse_time(optarg, &load->warmup_ms);
    case 't':
        load->tenant_id = bl_str_from_c(optarg);
        return true;
    case 's':
        return parse_number(optarg, UINT32_MAX, &load->sessions);
    case OPTION_BYTES:
        return parse_number(optarg, 1024 * 1024, &load->request_bytes);
    case OPTION_PUSH:
        load->pushes = true;
        return true;
    case OPTION_TIMEOUT:
        return parse_time(optarg, &load->timeout_ms);
    case OPTION_SUBJECT:
        load->subject = bl_str_from_c(optarg);
        return true;
    case OPTION_NATS:
        options->login.target.url = optarg;
        return true;
    case OPTION_JSON:
        options->json = true;
        return true;
    case OPTION_QUIET:
        options->quiet = true;
        return true;
    default:
        return bl_login_take(&options->login, option, optarg);
    }
}

static double microseconds(const struct bl_histogram *histogram, double percentile) {
    return (double)bl_histogram_percentile(histogram, percentile) / 1e3;
}

static void show_progress(void *user, const struct bl_load_result *result, uint32_t elapsed_ms) {
    const struct bl_load_config *config = user;
    uint32_t total_ms = config->warmup_ms + config->duration_ms;

    fprintf(stderr, "\r%3u/%us  %9.0f answered/s  p50 %8.1f us  p99 %8.1f us  ", elapsed_ms / 1000,
            (total_ms + 999) / 1000,
            result->seconds > 0 ? (double)result->answered / result->seconds : 0.0,
            microseconds(&result->latency_ns, 50), microseconds(&result->latency_ns, 99));
}

struct figure {
    const char *name;
    double value;
};

static void print_json(const struct bl_load_result *result) {
    const struct figure figures[] = {
        {"offered", (double)result->offered},
        {"answered", (double)result->answered},
        {"ok", (double)result->ok},
        {"errors", (double)result->errors},
        {"timeouts", (double)result->timeouts},
        {"unsent", (double)result->unsent},
        {"seconds", result->seconds},
        {"rate", (double)result->answered / result->seconds},
        {"p50_us", microseconds(&result->latency_ns, 50)},
        {"p90_us", microseconds(&result->latency_ns, 90)},
        {"p99_us", microseconds(&result->latency_ns, 99)},
        {"p999_us", microseconds(&result->latency_ns, 99.9)},
        {"p9999_us", microseconds(&result->latency_ns, 99.99)},
        {"max_us", microseconds(&result->latency_ns, 100)},
        {"lag_p99_us", microseconds(&result->lag_ns, 99)},
    };
    char storage[2048];
    struct bl_buf buf;
    struct bl_json_writer writer;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_json_write_object_begin(&writer);
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        bl_json_write_key(&writer, bl_str_from_c(figures[i].name));
        bl_json_write_double(&writer, figures[i].value);
    }
    bl_json_write_object_end(&writer);
    printf("%.*s\n", BL_STR_ARG(bl_buf_view(&buf)));
}

static void print_table(const struct bl_load_config *config, const struct bl_load_result *result) {
    static const double percentiles[] = {50, 90, 99, 99.9, 99.99, 100};

    printf("%-12s %" PRIu64 " offered, %" PRIu64 " answered, %" PRIu64 " ok\n", "requests",
           result->offered, result->answered, result->ok);
    if (result->errors + result->timeouts + result->unsent > 0) {
        printf("%-12s %" PRIu64 " errors, %" PRIu64 " timeouts, %" PRIu64 " unsent\n", "failed",
               result->errors, result->timeouts, result->unsent);
    }
    if (result->first_error[0] != '\0') {
        printf("%-12s %s\n", "first error", result->first_error);
    }
    printf("%-12s %.0f answered/s", "throughput", (double)result->answered / result->seconds);
    if (config->rate > 0) {
        printf(" of %u/s asked, generator late by %.1f us at p99\n", config->rate,
               microseconds(&result->lag_ns, 99));
    } else {
        printf(" with %u outstanding\n", config->outstanding);
    }
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        char label[16];
        (void)snprintf(label, sizeof(label), percentiles[i] < 100 ? "p%g" : "max", percentiles[i]);
        printf("%-12s %.1f us\n", label, microseconds(&result->latency_ns, percentiles[i]));
    }
}

static int run(struct options *options) {
    static struct bl_load_result result;
    struct bl_diag diag;

    if (!options->quiet && isatty(STDERR_FILENO) == 1) {
        options->load.on_progress = show_progress;
        options->load.user = &options->load;
    }
    bl_diag_clear(&diag);
    bl_result status = bl_login_resolve(&options->login, &diag);
    if (bl_is_ok(status)) {
        options->load.target = options->login.target;
        status = bl_load_run(&options->load, &result, &diag);
    }
    bl_login_fini(&options->login);
    if (options->load.on_progress != NULL) {
        fputs("\r\x1b[K", stderr);
    }
    if (bl_is_error(status)) {
        bl_present_problem("bench", &diag);
        return status.error == BL_E_UNAVAILABLE ? BL_EXIT_UNREACHABLE : BL_EXIT_FAILED;
    }
    if (options->json) {
        print_json(&result);
    } else {
        print_table(&options->load, &result);
    }
    return result.errors + result.timeouts + result.unsent == 0 ? BL_EXIT_OK : BL_EXIT_FAILED;
}

int bl_cli_bench(int argc, char **argv) {
    struct options options = {.login.target.url = getenv("BEAMLINE_NATS_URL"),
                              .load = {.subject = BL_STR("beamline.router.v1.decide"),
                                       .tenant_id = BL_STR("demo"),
                                       .outstanding = 0,
                                       .sessions = 10000,
                                       .request_bytes = 600,
                                       .duration_ms = 10000,
                                       .warmup_ms = 1000,
                                       .timeout_ms = 5000}};
    int option;

    while ((option = getopt_long(argc, argv, "r:o:d:t:s:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return BL_EXIT_OK;
        }
        if (!apply_option(option, &options)) {
            fputs("Try: beamline bench --help\n", stderr);
            return BL_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "beamline bench: unexpected argument '%s'\n", argv[optind]);
        return BL_EXIT_USAGE;
    }
    if (options.load.outstanding == 0) {
        options.load.outstanding = options.load.rate > 0 ? BL_LOAD_OUTSTANDING_MAX : 256;
    }
    return run(&options);
}
