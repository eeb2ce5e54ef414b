/*
 * The yardstick of the benchmarks over NATS: answers each request with the same JSON and does
 * nothing else, on the same bus with the same settings as the router. What the router needs on top
 * of this is the router's own cost.
 *
 *   bench_noop_responder [--url nats://127.0.0.1:4222] [--subject beamline.router.v1.decide]
 *                        [--queue router-decide-group] [--bytes 512]
 *
 * Prints "ready" when it is subscribed, and at SIGTERM or SIGINT one line of JSON: messages, CPU
 * time and peak memory of this process.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bus/bus.h"
#include "net/loop.h"
#include "net/signal_watch.h"

#define BYTES_MIN 16
#define BYTES_MAX 1000000
#define CLOSE_TIMEOUT_MS 2000

struct responder {
    struct bl_loop *loop;
    struct bl_bus *bus;
    struct bl_str reply;
    unsigned long failures;
};

static void on_state(void *user, enum bl_bus_state state, struct bl_str reason) {
    struct responder *responder = user;
    if (state == BL_BUS_CONNECTED) {
        puts("ready");
        fflush(stdout);
    } else if (!bl_str_is_blank(reason)) {
        fprintf(stderr, "noop_responder: %s: %.*s\n", bl_bus_state_text(state), BL_STR_ARG(reason));
    }
    if (state == BL_BUS_CLOSED) {
        bl_loop_stop(responder->loop);
    }
}

static void on_error(void *user, struct bl_str text) {
    (void)user;
    fprintf(stderr, "noop_responder: %.*s\n", BL_STR_ARG(text));
}

static void on_request(void *user, struct bl_bus_message *message) {
    struct responder *responder = user;
    struct bl_bus_outgoing reply = {.subject = message->reply, .data = responder->reply};
    struct bl_diag diag;
    responder->failures += bl_is_error(bl_bus_publish(responder->bus, &reply, &diag)) ? 1 : 0;
}

static void on_signal(void *user, int signal_number) {
    struct responder *responder = user;
    (void)signal_number;
    bl_bus_close(responder->bus, CLOSE_TIMEOUT_MS);
}

/* {"ok":true,"padding":"xxx…"} of that many bytes; shorter is not possible. */
static char *make_reply(size_t bytes) {
    static const char head[] = "{\"ok\":true,\"padding\":\"";
    char *text = malloc(bytes + sizeof(head) + 2);
    if (text == NULL) {
        return NULL;
    }
    size_t padding = bytes > sizeof(head) + 1 ? bytes - sizeof(head) - 1 : 0;
    memcpy(text, head, sizeof(head) - 1);
    memset(text + sizeof(head) - 1, 'x', padding);
    memcpy(text + sizeof(head) - 1 + padding, "\"}", 3);
    return text;
}

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void print_usage_of_resources(const struct responder *responder) {
    struct rusage usage;
    struct bl_bus_stats stats = bl_bus_stats(responder->bus);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"messages_in\":%llu,\"messages_out\":%llu,\"failures\":%lu,\"marked\":%llu,"
           "\"cpu_user_s\":%.3f,\"cpu_system_s\":%.3f,\"resident_peak_kib\":%ld}\n",
           (unsigned long long)stats.messages_in, (unsigned long long)stats.messages_out,
           responder->failures, (unsigned long long)stats.messages_marked, seconds(usage.ru_utime),
           seconds(usage.ru_stime), usage.ru_maxrss);
}

static int fail(const struct bl_diag *diag) {
    fprintf(stderr, "noop_responder: %s%s%s\n", diag->path, diag->path[0] != '\0' ? ": " : "",
            diag->message);
    return 1;
}

static int run(const char *url, const char *subject, const char *queue, size_t bytes) {
    struct responder responder = {0};
    struct bl_bus_callbacks callbacks = {on_state, on_error, NULL};
    struct bl_bus_config config = bl_bus_config_default();
    struct bl_bus_subscription_config subscription = {.subject = subject, .queue_group = queue};
    struct bl_signal_watch *watches[2] = {NULL, NULL};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    config.servers = &url;
    config.server_count = 1;
    config.name = "noop_responder";
    char *reply = make_reply(bytes);
    responder.reply = bl_str_from_c(reply);
    if (reply == NULL || bl_is_error(bl_loop_create(16, &responder.loop, &diag)) ||
        bl_is_error(bl_bus_create(responder.loop, &config, &callbacks, &responder, &responder.bus,
                                  &diag)) ||
        bl_is_error(
            bl_bus_subscribe(responder.bus, &subscription, on_request, &responder, NULL, &diag)) ||
        bl_is_error(bl_signal_watch_create(responder.loop, SIGTERM, on_signal, &responder,
                                           &watches[0], &diag)) ||
        bl_is_error(bl_signal_watch_create(responder.loop, SIGINT, on_signal, &responder,
                                           &watches[1], &diag))) {
        return fail(&diag);
    }
    bl_loop_run(responder.loop);
    print_usage_of_resources(&responder);
    bl_signal_watch_destroy(watches[0]);
    bl_signal_watch_destroy(watches[1]);
    bl_bus_destroy(responder.bus);
    bl_loop_destroy(responder.loop);
    bl_bus_library_close();
    free(reply);
    return 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"url", required_argument, NULL, 'u'},
                                            {"subject", required_argument, NULL, 's'},
                                            {"queue", required_argument, NULL, 'q'},
                                            {"bytes", required_argument, NULL, 'b'},
                                            {NULL, 0, NULL, 0}};
    const char *url = "nats://127.0.0.1:4222";
    const char *subject = "beamline.router.v1.decide";
    const char *queue = "router-decide-group";
    unsigned long bytes = 512;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'u':
            url = optarg;
            break;
        case 's':
            subject = optarg;
            break;
        case 'q':
            queue = optarg;
            break;
        case 'b':
            bytes = strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    }
    if (bytes < BYTES_MIN || bytes > BYTES_MAX || optind != argc) {
        fprintf(stderr, "noop_responder: --bytes is %d to %d; there are no other arguments\n",
                BYTES_MIN, BYTES_MAX);
        return 2;
    }
    return run(url, subject, queue, bytes);
}
